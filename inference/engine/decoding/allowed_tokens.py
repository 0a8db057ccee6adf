"""What is done to logits before anything is drawn: forbidden tokens and end-of-text switches."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from inference.engine.decoding.distribution import Distribution
from inference.engine.decoding.view import RunState
from inference.engine.processing import forbid


def distributions(
    state: RunState, edits: bool, logits: Tensor, matching: Tensor | None = None
) -> tuple[Distribution, Distribution]:
    """What tokens are drawn from and what positions are ranked by, for logits [n, V].

    `matching` [n, V]: the tokens with which a grammar can be matched, if the run has one.
    """
    params, spec = state.params, state.spec
    barred = barred_ids(state, edits)
    choice = possible(state, edits, logits, matching)
    both: Sequence[int | None] = spec.end_ids
    if params.official and params.temperature > 0:
        both = [spec.eot_id]
    ranking = forbid(choice, both) if params.confidence_eos_eot_inf else choice
    first = Distribution(choice, barred)
    return first, first if ranking is choice else Distribution(ranking, barred)


def possible(
    state: RunState, edits: bool, logits: Tensor, matching: Tensor | None = None
) -> Tensor:
    """Logits [n, V] in which the tokens that this step rules out have no probability."""
    left = forbid(logits, _impossible(state, edits))
    return left if matching is None else left.masked_fill(~matching, -torch.inf)


def barred_ids(state: RunState, edits: bool) -> tuple[int | None, ...]:
    """Tokens that may never be written: the mask, what the model bars, and editing tokens.

    The latter only outside editing recipes.
    """
    spec = state.spec
    if state.params.official:
        return ()
    if edits:
        return (spec.mask_id, *spec.barred)
    delete = spec.delete_id if spec.delete_id != spec.eos_id else None
    return (spec.mask_id, spec.expand_id, delete, *spec.barred)


def _impossible(state: RunState, edits: bool) -> list[int | None]:
    """Tokens whose probability becomes 0 in this step."""
    ids: list[int | None] = [*state.spec.eos_ids] if state.params.logits_eos_inf else []
    if edits and expansions_left(state) == 0:
        ids.append(state.spec.expand_id)
    return ids


def expansions_left(state: RunState) -> int:
    """How many places the canvas may gain: the least of what room, budget and context leave.

    Once a place has been deleted it grows no more: expanding and deleting would undo each other
    until the budget is spent.
    """
    params = state.params
    if state.carry.get("shrunk") and not params.official:
        return 0
    places = len(state.canvas.places)
    room = params.max_new_tokens or places
    budget = 2 * room if params.expand_budget is None else params.expand_budget
    spent = state.carry.get("expansions", 0)
    left: int = min(room - places, budget - spent, state.spec.context - len(state.canvas))
    return max(0, left)
