"""One case through a decoding recipe, for measuring."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from inference.engine import forward
from inference.engine.checkpoint import LoadedModel
from inference.engine.errors import InputError
from inference.engine.training.sampling import Decoding, denoise
from inference.engine.training.task import Case

if TYPE_CHECKING:
    from inference.engine.training.evaluation import Question

RECIPES: dict[str, Decoding] = {
    "llada/low_confidence": Decoding("low_confidence"),
    "llada/low_confidence_eos_last": Decoding("low_confidence", end_last=True),
    "llada/random": Decoding("random"),
    "left_to_right": Decoding("left"),
    "fast_dllm/threshold": Decoding("low_confidence", threshold=0.9),
}


@dataclass(frozen=True)
class Outcome:
    """The finished canvas, the forward passes it took and the tokens it filled in."""

    ids: list[int]
    passes: int
    tokens: int


def decode(model: LoadedModel, case: Case, recipe: str, steps: int, question: Question) -> Outcome:
    """Fill a case's canvas; `steps` 0 means one token per pass. Raises InputError."""
    if recipe not in RECIPES:
        raise InputError(f"Unknown recipe {recipe!r}. Known: {', '.join(RECIPES)}.", "recipes")
    if model.spec.mask_id is None:
        raise InputError("This model has no mask token, so it cannot be decoded here.", "model")
    base, mask = RECIPES[recipe], model.spec.mask_id
    canvas = [*case.prompt_ids, *[mask] * case.gen_length]
    tokens = canvas.count(mask)
    how = Decoding(
        order=base.order,
        per_pass=math.ceil(tokens / steps) if steps else 1,
        block=question.block_length,
        temperature=question.temperature,
        end_last=base.end_last,
        threshold=base.threshold,
        seed=question.seed,
    )
    end = -1 if model.spec.eos_id is None else model.spec.eos_id
    banned = tuple(i for i in (model.spec.bos_id, model.spec.expand_id) if i is not None)
    filled, passes = denoise(
        lambda ids: forward.logits_batch(model, ids), torch.tensor([canvas]), mask, end, banned, how
    )
    return Outcome(filled[0].tolist(), passes, tokens)
