"""Prophet: once the answer's places are clear enough, everything is written at once.

Source: arXiv 2508.19982; pixeli99/Prophet, generate_earlyexit.py.
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from inference.engine.decoding.blocks import chunks
from inference.engine.decoding.quotas import best, share
from inference.engine.decoding.recipe import Recipe
from inference.engine.decoding.sources import Reader, Reading, guided
from inference.engine.decoding.view import Block, Drawn, RunState, View

ANSWER = 5
"""Places from `answer_start` on whose gap is looked at."""
PHASES = ((0.33, "gap_early"), (0.67, "gap_mid"), (math.inf, "gap_late"))
"""Up to which share of the steps which bound holds; blocks can make a run longer than asked."""


def block_in_sight_of_all(state: RunState) -> Block | None:
    """The first open block, with all open places in scope: they may be written at once."""
    block = chunks(state)
    return block and replace(block, scope=tuple(state.canvas.writable_positions))


def with_answer(reader: Reader, state: RunState, block: Block) -> Reading:
    """All open positions, and those of the answer whether written or not."""
    open_now, answer = state.canvas.writable_positions, answer_places(state)
    logits = guided(reader, state, reader.tensor(open_now + answer))
    count = len(open_now)
    return Reading(
        reader.tensor(open_now),
        logits[:count],
        (0, len(state.canvas)),
        reader.tensor(answer),
        logits[count:],
    )


def answer_places(state: RunState) -> list[int]:
    """`ANSWER` places from `answer_start` on, cut at the canvas' end; else all that are open."""
    start = state.params.answer_start
    if start is None or start >= len(state.canvas):
        return list(state.canvas.writable_positions)
    return list(range(start, min(start + ANSWER, len(state.canvas))))


def gap(view: View) -> float:
    """The mean lead of the largest logit over the second in the answer's places."""
    if view.shadow is None:
        return 0.0
    top = view.shadow.logits.topk(2, dim=-1).values
    return float((top[:, 0] - top[:, 1]).mean())


def may_exit(view: View) -> bool:
    """Whether the gap reaches the bound of the phase."""
    progress = (view.state.index + 1) / view.state.steps
    bound = next(getattr(view.params, name) for end, name in PHASES if progress < end)
    return bool(gap(view) >= bound)


def early_exit(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """Everything once the gap reaches the bound of the phase; until then LLaDA's share."""
    if may_exit(view):
        return torch.arange(len(scores), device=scores.device)
    inside = (view.positions < view.block.span[1]).nonzero()[:, 0]
    return inside[best(scores[inside], share(len(inside), view.block.steps_left))]


PROPHET = Recipe(quota=early_exit, block=block_in_sight_of_all, source=with_answer)
