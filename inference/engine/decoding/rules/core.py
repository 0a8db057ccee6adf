"""CORE: now and then the least certain written tokens are masked together and read again.

Source: arXiv 2602.04096; UCF-CRCV/core, generate.py.
"""

from __future__ import annotations

import torch
from torch import Tensor

from inference.engine.canvas import Operation
from inference.engine.decoding.blocks import counted_chunks
from inference.engine.decoding.distribution import Distribution
from inference.engine.decoding.quotas import best, share_of_block
from inference.engine.decoding.recipe import Recipe
from inference.engine.decoding.revisions import revisable
from inference.engine.decoding.sources import with_settled
from inference.engine.decoding.view import Drawn, View

PROTECTED = 16
"""Places at a block's end that are not revised."""
SUPPORT = 0.3
"""A token is replaced only by one at least so probable."""


def share(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """LLaDA's share of the step."""
    return best(scores, share_of_block(view))


def revised(view: View, drawn: Drawn, operations: list[Operation]) -> list[Operation]:
    """Beside the step's share: up to `core_revisions` written tokens that lost their support.

    In every `core_every`-th step of a block's second and third quarter: the `core_candidates`
    written places with the smallest margin are masked in one more forward; those whose likeliest
    token there is another one, with a probability of at least 0.3, are ranked by -log p of the
    token that stands there.
    """
    steps, index = steps_of_block(view), view.block.step
    due = index % view.params.core_every == 0 and steps // 4 <= index < 3 * steps // 4
    if not due or not view.block.scope or view.settled is None or view.shadow is None:
        return operations
    places = weakest(view)
    if not places:
        return operations
    masked = list(view.canvas.tokens)
    for position in places:
        masked[position] = view.canvas.mask_id
    seen = Distribution(view.look([masked], places)[0], view.choice.barred)
    most = min(view.params.core_revisions, share_of_block(view))
    return operations + _replaced(view, places, seen, most)


def steps_of_block(view: View) -> int:
    """The steps of the run that fall to the block."""
    slots = view.canvas.slots
    size = sum(not slots[i].prompt for i in range(*view.block.span))
    return max(1, view.state.steps * size // max(1, len(view.canvas.places)))


def weakest(view: View) -> list[int]:
    """Written places of the block with the smallest margins, in order of position."""
    if view.settled is None or view.shadow is None:
        return []
    end = view.block.span[1] - PROTECTED
    rows = zip(view.shadow.margin.tolist(), view.settled.tolist(), strict=True)
    found = sorted((margin, i) for margin, i in rows if i < end and revisable(view, i))
    return sorted(i for _, i in found[: view.params.core_candidates])


def _replaced(view: View, places: list[int], seen: Distribution, most: int) -> list[Operation]:
    held = torch.tensor([view.canvas.tokens[i] for i in places], device=seen.logits.device)
    doubt = -seen.prob_of(held).log()
    lost = (seen.best != held) & (seen.p1 >= SUPPORT)
    if view.params.core_form == "margin":
        doubt, lost = -seen.margin, torch.ones_like(lost)
    order = best(doubt.masked_fill(~lost, -torch.inf), min(most, int(lost.sum()))).tolist()
    return [
        {
            "op": "edit",
            "slot": view.canvas.slots[places[row]].id,
            "token": int(seen.best[row]),
            "p": float(seen.p1[row]),
            "by": "auto",
        }
        for row in sorted(order)
        if int(seen.best[row]) != int(held[row])
    ]


CORE = Recipe(quota=share, block=counted_chunks, revise=revised, source=with_settled)
