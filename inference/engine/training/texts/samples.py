"""What a model under training writes: a short text, always after the same beginning."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from copy import deepcopy
from dataclasses import asdict, dataclass
from typing import Any

import torch
from tokenizers import Tokenizer

from inference.engine.training.model import MaskPredictor

WRITTEN = 64
MASKS = 32
TEMPERATURE = 0.7


@dataclass(frozen=True)
class Sample:
    """The beginning that was given, and what the model wrote after it."""

    prompt: str
    text: str


class Samples:
    """Samples of moments, written on a thread of their own while the training goes on.

    A token of a small model costs a thousand little calls, which is nothing that a training step
    could not be made beside.
    """

    def __init__(self, tokenizer: Tokenizer, prompt: str, seed: int) -> None:
        self._write = lambda model: sample(model, tokenizer, prompt, seed)
        self._thread = ThreadPoolExecutor(1, initializer=torch.set_num_threads, initargs=(1,))
        self._begun = deque[tuple[dict[str, Any], Future[Sample]]]()

    def begin(self, told: dict[str, Any], model: MaskPredictor) -> None:
        """Write a sample of the model as it is now; `told` is what else there is of the moment."""
        self._begun.append((told, self._thread.submit(self._write, deepcopy(model))))

    def ready(self, wait: bool = False) -> Iterator[dict[str, Any]]:
        """Moments whose samples are written, in order; with `wait` all that have been begun."""
        while self._begun and (wait or self._begun[0][1].done()):
            told, written = self._begun.popleft()
            yield {**told, "sample": asdict(written.result())}

    def close(self) -> None:
        """What has not been begun is not written any more."""
        self._thread.shutdown(cancel_futures=True)


@torch.inference_mode()
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
