"""Where a step's logits come from: one forward, with what else a recipe wants read in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar, cast

import torch
from torch import Tensor

from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.rng import StepRng
from inference.engine.decoding.view import Block, RunState
from inference.engine.forward import ForwardMany, Request

T = TypeVar("T")


@dataclass(frozen=True)
class Reading:
    """Logits [n, V] of open `positions` [n]; `settled_logits` [m, V] of written ones [m]."""

    positions: Tensor
    logits: Tensor
    evaluated: tuple[int, int]
    settled: Tensor | None = None
    settled_logits: Tensor | None = None
    background: Tensor | None = None
    beside: list[Tensor] = field(default_factory=list)


@dataclass
class Reader:
    """The model and the way to run it; a source may keep what it needs again in `kept`.

    A `forward` that owns the device also offers `submit`, for work that shares no forward.
    """

    model: LoadedModel
    forward: ForwardMany
    rng: StepRng
    kept: object | None = None
    background: tuple[int, Tensor] | None = None

    def alone(self, work: Callable[[], T]) -> T:
        """Computes where forwards are computed: a device has one thread.

        The model may have moved before, and moves within when its device is full: then `work` is
        done once more, so it must ask anew where the model is.
        """
        submit = getattr(self.forward, "submit", None)
        return work() if submit is None else cast(T, submit(work, model=self.model))

    def look(self, canvases: Sequence[Sequence[int]], positions: Sequence[int]) -> list[Tensor]:
        """Logits [n, V] of n positions in each of some canvases of ids: one batched forward."""
        rows = self.tensor(list(positions))
        asked = [Request(self.tensor(list(canvas)), rows) for canvas in canvases]
        return self.forward(self.model, asked)

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
    settled = written_places(state, block)
    logits = guided(reader, state, reader.tensor(open_now + settled))
    count = len(open_now)
    return Reading(
        reader.tensor(open_now),
        logits[:count],
        (0, len(state.canvas)),
        reader.tensor(settled),
        logits[count:],
    )


def written_places(state: RunState, block: Block) -> list[int]:
    """Written, unlocked places of the block that are the run's own."""
    slots = state.canvas.slots
    return [
        i
        for i in range(*block.span)
        if not (slots[i].prompt or slots[i].locked or slots[i].token == state.canvas.mask_id)
    ]
