"""A batch with padding and random draws, against a plain loop over the same formulas."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding import recipes
from inference.engine.decoding.loop import generate
from inference.engine.decoding.official.loops import transfer_schedule
from inference.engine.decoding.params import Params
from inference.engine.decoding.rng import BatchRow, one_generator
from inference.engine.forward import logits_batch
from inference.engine.parity import decode
from tests.inference.engine.models import EOS, MASK

PROMPTS = [[5, 6, 7], [8, 9, 10, 11, 12]]
LENGTH, STEPS, SEED = 8, 4, 19


def _plain_loop(model: LoadedModel, temperature: float, randomly: bool) -> list[list[int]]:
    """Left-padded batch, one block, Gumbel noise over all places, confidence or chance."""
    width = max(len(prompt) for prompt in PROMPTS)
    pads = [width - len(prompt) for prompt in PROMPTS]
    rows = [[EOS] * pad + p + [MASK] * LENGTH for pad, p in zip(pads, PROMPTS, strict=True)]
    ids = torch.tensor(rows)
    seen = torch.ones_like(ids)
    for row, pad in enumerate(pads):
        seen[row, :pad] = 0
    generator = torch.Generator().manual_seed(SEED)
    for count in transfer_schedule(LENGTH, STEPS):
        logits = logits_batch(model, ids, None, seen)
        tokens = _noisy_best(logits, temperature, generator)
        scores = logits.softmax(-1).gather(-1, tokens[..., None])[..., 0]
        if randomly:
            scores = torch.rand(ids.shape, generator=generator)
        scores = scores.masked_fill(ids != MASK, -torch.inf)
        chosen = torch.zeros_like(ids, dtype=torch.bool)
        chosen.scatter_(1, scores.topk(count, dim=-1).indices, True)
        ids = torch.where(chosen, tokens, ids)
    return [row[pad:] for row, pad in zip(ids.tolist(), pads, strict=True)]


def _noisy_best(logits: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
    if temperature == 0:
        return logits.argmax(-1)
    noise = torch.rand(logits.shape, dtype=torch.float64, generator=generator)
    return (logits.double().exp() / (-noise.log()) ** temperature).argmax(-1)


@pytest.mark.parametrize("temperature", [0.0, 0.8])
@pytest.mark.parametrize("recipe", ["llada/low_confidence", "llada/random"])
def test_rows_run_one_by_one_equal_the_batch(
    recipe: str, temperature: float, tiny: Callable[[str], LoadedModel]
) -> None:
    model = tiny("llada")
    width = max(len(prompt) for prompt in PROMPTS)
    params = {"steps": STEPS, "temperature": temperature, "official": True}
    finals = []
    for row, prompt in enumerate(PROMPTS):
        place = BatchRow(row, len(PROMPTS), width - len(prompt))
        canvas = Canvas.start(prompt, LENGTH, MASK)
        *_, last = generate(
            model, canvas, recipe, params, 0, rng=one_generator(SEED), batch_row=place
        )
        finals.append(last.canvas.tokens)
    assert finals == _plain_loop(model, temperature, recipe == "llada/random")


def _plain_dream(model: LoadedModel, prompts: list[list[int]], steps: int) -> list[list[int]]:
    """Dream's loop for a batch at temperature 0.8: one multinomial over the masks of all rows."""
    ids = torch.tensor([[*prompt, *[MASK] * LENGTH] for prompt in prompts])
    generator = torch.Generator().manual_seed(SEED)
    times = torch.linspace(1, 1e-3, steps + 1)
    for step in range(steps):
        hidden = ids == MASK
        probs = (logits_batch(model, ids)[hidden] / 0.8).softmax(-1)
        drawn = torch.multinomial(probs, 1, replacement=True, generator=generator)[:, 0]
        scores = torch.full(ids.shape, -torch.inf)
        scores[hidden] = probs.gather(-1, drawn[:, None])[:, 0]
        tokens = ids.clone()
        tokens[hidden] = drawn
        left = hidden.sum() / len(prompts)
        share = 1 - times[step + 1] / times[step] if step < steps - 1 else 1.0
        chosen = torch.zeros_like(hidden)
        chosen.scatter_(1, scores.topk(int(left * share), dim=-1).indices, True)
        ids = torch.where(chosen, tokens, ids)
    return ids.tolist()


def test_dream_rows_share_the_numbers_of_a_batch(tiny: Callable[[str], LoadedModel]) -> None:
    model, prompts, steps = tiny("dream"), [[5, 6, 7], [8, 9, 10]], 4
    case = {"procedure": "dream.diffusion_generate", "seed": SEED, "attention_mask": None}
    params = Params(steps=steps, temperature=0.8, official=True)
    canvases = [Canvas.start(prompt, LENGTH, MASK) for prompt in prompts]
    rows = decode._rows(model, case, canvases, (recipes.DREAM_MASKGIT_PLUS, params))
    finals = [row[-1].canvas.tokens for row in rows]
    assert finals == _plain_dream(model, prompts, steps)
