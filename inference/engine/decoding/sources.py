"""Where a step's logits come from: one forward, with what else a recipe wants read in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, cast

import torch
from torch import Tensor

from ..checkpoint import LoadedModel
from ..errors import InputError
from ..forward import ForwardMany, Request, structure
from .rng import StepRng
from .view import Block, RunState

T = TypeVar("T")


@dataclass(frozen=True)
class Reading:
    """Logits [n, V] of open `positions` [n]; `settled_logits` [m, V] of written ones [m]."""

    positions: Tensor
    logits: Tensor
    evaluated: tuple[int, int]
    settled: Tensor | None = None
    settled_logits: Tensor | None = None


@dataclass
class Reader:
    """The model and the way to run it; a source may keep what it needs again in `kept`.

    A `forward` that owns the device also offers `submit`, for work that shares no forward.
    """

    model: LoadedModel
    forward: ForwardMany
    rng: StepRng
    kept: object | None = None

    def alone(self, work: Callable[[], T]) -> T:
        """Computes where forwards are computed: a device has one thread.

        The model may have moved before, and moves within when its device is full: then `work` is
        done once more, so it must ask anew where the model is.
        """
        submit = getattr(self.forward, "submit", None)
        return work() if submit is None else cast(T, submit(work, model=self.model))

    def tensor(self, values: list[int] | tuple[int, ...]) -> Tensor:
        return torch.tensor(values, dtype=torch.long, device=self.model.device)


Source = Callable[[Reader, RunState, Block], Reading]


def plain(reader: Reader, state: RunState, block: Block) -> Reading:
    """All open positions, guided by `cfg_scale`."""
    positions = reader.tensor(state.canvas.writable_positions)
    logits = guided(reader, state, positions)
    return Reading(positions, logits, (0, len(state.canvas)))


def guided(reader: Reader, state: RunState, rows: Tensor) -> Tensor:
    """Logits of some rows, with unsupervised guidance: l_u + (w + 1)(l - l_u).

    l_u comes from the same canvas with every prompt token masked.
    """
    ids = reader.tensor(state.canvas.tokens)
    scale = state.params.cfg_scale
    if scale == 0:
        return reader.forward(reader.model, [Request(ids, rows)])[0]
    prompt = torch.tensor([slot.prompt for slot in state.canvas.slots], device=ids.device)
    bare = ids.masked_fill(prompt, state.canvas.mask_id)
    with_prompt, without = reader.forward(reader.model, [Request(ids, rows), Request(bare, rows)])
    return without + (scale + 1) * (with_prompt - without)


def with_settled(reader: Reader, state: RunState, block: Block) -> Reading:
    """All open positions, and the written places of the block."""
    open_now = state.canvas.writable_positions
    settled = _settled(state, block)
    logits = guided(reader, state, reader.tensor(open_now + settled))
    count = len(open_now)
    return Reading(
        reader.tensor(open_now),
        logits[:count],
        (0, len(state.canvas)),
        reader.tensor(settled),
        logits[count:],
    )


def with_shadow(reader: Reader, state: RunState, block: Block) -> Reading:
    """All open positions, and what each written place of the block would be if it were masked.

    Masks are appended at the positions of those places; each sees the whole canvas but its own
    place, and the canvas sees none of them (WINO).
    """
    if reader.model.spec.predict != "same" or state.params.cfg_scale:
        raise InputError("This recipe needs a model without shift and no guidance.", "recipe")
    open_now, settled = state.canvas.writable_positions, _settled(state, block)
    length, extra = len(state.canvas), len(settled)
    ids = reader.tensor(state.canvas.tokens + [state.canvas.mask_id] * extra)
    rows = reader.tensor(open_now + list(range(length, length + extra)))
    positions = reader.tensor(list(range(length)) + settled)
    attend = shadow_mask(structure(reader.model, length), settled)
    logits = reader.forward(reader.model, [Request(ids, rows, attend, positions)])[0]
    count = len(open_now)
    return Reading(
        reader.tensor(open_now),
        logits[:count],
        (0, length),
        reader.tensor(settled),
        logits[count:],
    )


def shadow_mask(seen: Tensor, settled: list[int]) -> Tensor:
    """Visibility [L + m, L + m] for m shadows of the places `settled` beside a canvas of L."""
    length, extra = len(seen), len(settled)
    mask = torch.zeros(length + extra, length + extra, dtype=torch.bool, device=seen.device)
    mask[:length, :length] = seen
    mask[length:, :length] = seen[settled]
    index = torch.arange(extra, device=seen.device)
    mask[length + index, torch.tensor(settled, dtype=torch.long, device=seen.device)] = False
    mask[length + index, length + index] = True
    return mask


def _settled(state: RunState, block: Block) -> list[int]:
    """Written, unlocked places of the block that are the run's own."""
    slots = state.canvas.slots
    return [
        i
        for i in range(*block.span)
        if not (slots[i].prompt or slots[i].locked or slots[i].token == state.canvas.mask_id)
    ]
