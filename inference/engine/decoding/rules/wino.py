"""WINO: write boldly, and open again what its own place, masked, does not confirm.

Source: Feng-Hong/WINO-DLLM, LLaDA/decoding.py.
"""

from __future__ import annotations

import torch
from torch import Tensor

from inference.engine.canvas import Operation
from inference.engine.decoding.blocks import chunks
from inference.engine.decoding.quotas import best
from inference.engine.decoding.recipe import Recipe
from inference.engine.decoding.revisions import revisable
from inference.engine.decoding.sources import Reader, Reading
from inference.engine.decoding.view import Block, Drawn, RunState, View
from inference.engine.errors import InputError
from inference.engine.forward import Request, structure

SHARE, LEAST, MOST = 0.7, 5, 20
"""A step writes at most this share of a block's masks, within these bounds."""
FIRST = 30
"""What counts as written before the first step of a block."""


def with_shadow(reader: Reader, state: RunState, block: Block) -> Reading:
    """All open positions, and what each place of the block would be if it were masked.

    A mask is appended for every place of the block, at its position. It sees the whole canvas but
    its own place, and all other such masks; the canvas sees none of them.
    """
    if reader.model.spec.predict != "same":
        raise InputError("This recipe needs a model whose rows predict their own place.", "recipe")
    open_now, slots = state.canvas.writable_positions, state.canvas.slots
    places = [i for i in range(*block.span) if not slots[i].prompt]
    written = [i for i in places if slots[i].token != state.canvas.mask_id and not slots[i].locked]
    length = len(state.canvas)
    ids = reader.tensor(state.canvas.tokens + [state.canvas.mask_id] * len(places))
    shadows = [length + places.index(i) for i in written]
    rows, positions = reader.tensor(open_now + shadows), reader.tensor([*range(length), *places])
    attend = shadow_mask(structure(reader.model, length), places)
    logits = reader.forward(reader.model, [Request(ids, rows, attend, positions)])[0]
    count = len(open_now)
    return Reading(
        reader.tensor(open_now),
        logits[:count],
        (0, length),
        reader.tensor(written),
        logits[count:],
    )


def shadow_mask(seen: Tensor, places: list[int]) -> Tensor:
    """Visibility [L + m, L + m], True = sees, for masks beside m places of a canvas of L."""
    length, extra = len(seen), len(places)
    mask = torch.zeros(length + extra, length + extra, dtype=torch.bool, device=seen.device)
    mask[:length, :length] = seen
    mask[length:, :length] = seen[places]
    mask[length:, length:] = True
    index = torch.arange(extra, device=seen.device)
    mask[length + index, torch.tensor(places, dtype=torch.long, device=seen.device)] = False
    return mask


def draft(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """Everything above the low `draft_threshold` within the step's bound, else the best."""
    masks = len(view.block.scope)
    most = min(max(int(SHARE * masks), LEAST), MOST)
    above = int((scores > view.params.draft_threshold).sum())
    return best(scores, max(1, min(above, most)))


def verify(view: View, drawn: Drawn, operations: list[Operation]) -> list[Operation]:
    """Places that stood before the step and get less than `verify_threshold` open again.

    Only if the step writes more than one; at most one fewer than the step before wrote, the least
    likely first. As fewer are opened than were written, the canvas fills.
    """
    carry, start = view.state.carry, view.block.span[0]
    before = carry.get("written", FIRST) if carry.get("wino_block") == start else FIRST
    carry.update(wino_block=start, written=len(operations))
    if len(operations) <= 1 or view.settled is None or view.shadow is None:
        return operations
    held = torch.tensor([view.canvas.slots[i].token for i in view.settled.tolist()])
    probs = view.shadow.prob_of(held.to(view.settled.device)).tolist()
    doubtful = [
        (prob, position)
        for prob, position in zip(probs, view.settled.tolist(), strict=True)
        if prob < view.params.verify_threshold and revisable(view, position)
    ]
    again = sorted(position for _, position in sorted(doubtful)[: before - 1])
    return operations + [{"op": "remask", "slot": view.canvas.slots[i].id} for i in again]


WINO = Recipe(quota=draft, block=chunks, revise=verify, source=with_shadow)
