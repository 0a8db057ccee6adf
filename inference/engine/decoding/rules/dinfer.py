"""dInfer's decoders: threshold with a guard, credit, and the best of each run of masks.

Source: inclusionAI/dInfer, python/dinfer/decoding/parallel_strategy.py and generate_hierarchy.py;
credit is arXiv 2510.06133.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import torch
from torch import Tensor

from inference.engine.decoding import draws
from inference.engine.decoding.distribution import Distribution
from inference.engine.decoding.quotas import best
from inference.engine.decoding.recipe import Recipe
from inference.engine.decoding.view import Drawn, View

GUARD = 1e-5


def guarded_threshold(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """All whose score reaches `threshold` or comes within 1e-5 of the best."""
    limit = min(view.params.threshold, float(scores.max()) - GUARD)
    return best(scores, int((scores >= limit).sum()))


def credited(view: View) -> Drawn:
    """Logits + alpha ln(1 + credit) decide token and confidence."""
    fused = with_credit(view)
    return draws.sample(replace(view, choice=fused, ranking=fused))


def with_credit(view: View) -> Distribution:
    """The distribution of logits + alpha ln(1 + credit), with this step's credit.

    In each step the credit of every token of a place is multiplied by `credit_decay`, and the most
    likely token of each open place (of the plain logits) is given p ** `credit_gamma`. Sparse: the
    carry holds, for each slot, the tokens that have any.
    """
    credit = _updated(view)
    logits = view.choice.logits.clone()
    for row, position in enumerate(view.positions.tolist()):
        held = credit[str(view.canvas.slots[position].id)]
        ids = torch.tensor([int(token) for token in held], device=logits.device)
        value = torch.tensor(list(held.values()), device=logits.device)
        logits[row, ids] += view.params.credit_alpha * value.log1p().to(logits)
    return Distribution(logits, view.choice.barred)


def _updated(view: View) -> dict[str, dict[str, float]]:
    """Slot → token → credit of the open places of the block, after this step."""
    before = view.state.carry.get("credit", {})
    tokens = view.choice.best
    gains = (view.choice.prob_of(tokens) ** view.params.credit_gamma).tolist()
    credit = {}
    rows = zip(view.positions.tolist(), tokens.tolist(), gains, strict=True)
    for position, token, gain in rows:
        name = str(view.canvas.slots[position].id)
        held = {t: v * view.params.credit_decay for t, v in before.get(name, {}).items()}
        held[str(token)] = held.get(str(token), 0.0) + gain
        credit[name] = held
    view.state.carry["credit"] = credit
    return credit


def hierarchy(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """The best of each run of masks if above `low_threshold`, all above `threshold`, and the best.

    Equal places of a run all count as its best, of the block the first of them.
    """
    chosen = _hierarchical(view, scores)
    chosen[best(scores, 1)] = True
    return chosen.nonzero()[:, 0]


def hierarchy_fast(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """`hierarchy_fast_v2`: of runs only the block's best if it is below `low_threshold`.

    What exceeds `threshold` is written in either case.
    """
    chosen = _hierarchical(view, scores)
    if float(scores.max()) < view.params.low_threshold or not bool(chosen.any()):
        chosen[best(scores, 1)] = True
    return chosen.nonzero()[:, 0]


def _hierarchical(view: View, scores: Tensor) -> Tensor:
    """A boolean mask [n]: the best of each run, and those above the threshold."""
    params = view.params
    chosen = scores > params.threshold
    for start, end in _runs(view.positions.tolist()):
        part = scores[start:end]
        chosen[start:end] |= (part == part.max()) & (part > params.low_threshold)
    return chosen


def _runs(positions: list[int]) -> list[tuple[int, int]]:
    """Stretches of neighbouring positions, as index ranges."""
    gaps = [i + 1 for i, (a, b) in enumerate(pairwise(positions)) if b != a + 1]
    return list(pairwise([0, *gaps, len(positions)]))


THRESHOLD = Recipe(quota=guarded_threshold)
CREDIT = Recipe(quota=guarded_threshold, draw=credited)
HIERARCHY = Recipe(quota=hierarchy)
HIERARCHY_FAST = Recipe(quota=hierarchy_fast)
