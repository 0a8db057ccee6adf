"""What a model under training writes: a short text, always after the same beginning."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from tokenizers import Tokenizer

from inference.engine.training.model import MaskPredictor

WRITTEN = 80
MASKS = 32
TEMPERATURE = 0.7


@dataclass(frozen=True)
class Sample:
    """The beginning that was given, and what the model wrote after it."""

    prompt: str
    text: str


@torch.no_grad()
def sample(model: MaskPredictor, tokenizer: Tokenizer, prompt: str, seed: int) -> Sample:
    """A sample with dice of its own, so that it takes none from the training."""
    ids: list[int] = tokenizer.encode(prompt, add_special_tokens=False).ids
    ids = ids[-max(1, model.shape.context // 2) :] or [model.shape.end_id]
    write = continued if model.shape.causal else denoised
    dice = torch.Generator().manual_seed(seed)
    written = write(model, ids, dice)
    return Sample(_text(tokenizer, ids), _text(tokenizer, written))


def _text(tokenizer: Tokenizer, ids: list[int]) -> str:
    text: str = tokenizer.decode(ids, skip_special_tokens=True)
    return text


def continued(model: MaskPredictor, ids: list[int], dice: torch.Generator) -> list[int]:
    """The tokens that a causal model draws behind `ids`; it sees its window of them."""
    line = list(ids)
    barred = [model.shape.mask_id]
    for _ in range(WRITTEN):
        seen = torch.tensor([line[-model.shape.context :]], device=_device(model))
        logits = model(seen)[0, -1].float().cpu()
        logits[barred] = -torch.inf
        line.append(int(torch.multinomial((logits / TEMPERATURE).softmax(-1), 1, generator=dice)))
    return line[len(ids) :]


def denoised(model: MaskPredictor, ids: list[int], dice: torch.Generator) -> list[int]:
    """Masks behind `ids`, the surest one filled at each pass (LLaDA's low-confidence order)."""
    shape = model.shape
    count = min(MASKS, shape.context - len(ids))
    line = torch.tensor([*ids, *[shape.mask_id] * count])
    for _ in range(count):
        logits = model(line[None].to(_device(model)))[0].float().cpu()
        logits[:, [shape.mask_id, shape.end_id]] = -torch.inf
        best, token = logits.softmax(-1).max(-1)
        best[line != shape.mask_id] = -1
        place = int(best.argmax())
        line[place] = token[place]
    return line[len(ids) :].tolist()


def _device(model: MaskPredictor) -> torch.device:
    return next(model.parameters()).device
