"""The last few readings of a run, for recipes that compare a distribution with earlier ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from inference.engine.canvas import Canvas
from inference.engine.decoding.sources import Reader, Reading, Source
from inference.engine.decoding.view import Block, RunState


class Memory:
    """Readings in memory; their token ids stand in the carry, so that they can be made again."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.readings: list[Reading] = []

    def keep(self, state: RunState, reading: Reading) -> None:
        """Remembers a step's reading."""
        self.readings = [*self.readings, reading][-self.size :]
        before = [*state.carry.get("before", []), list(state.canvas.tokens)]
        state.carry["before"] = before[-self.size :]

    def recall(
        self, reader: Reader, source: Source, state: RunState, block: Block
    ) -> list[Reading]:
        """The earlier readings, oldest first; read again if the run was interrupted.

        Earlier readings of positions that were not open then (a token was masked again, or the
        canvas changed its length) cannot be compared and are left out with all before them.
        """
        before = state.carry.get("before", [])
        if len(self.readings) < len(before):
            self.readings = [
                source(reader, replace(state, canvas=with_tokens(state.canvas, ids)), block)
                for ids in before
            ]
        now = set(state.canvas.writable_positions)
        usable = [now <= set(reading.positions.tolist()) for reading in self.readings]
        first = len(usable) - next(
            (i for i, ok in enumerate(reversed(usable)) if not ok), len(usable)
        )
        return self.readings[first:]


def with_tokens(canvas: Canvas, tokens: Sequence[int]) -> Canvas:
    """The same slots holding other tokens."""
    if len(tokens) != len(canvas):
        return canvas
    pairs = zip(canvas.slots, tokens, strict=True)
    return replace(canvas, slots=tuple(replace(slot, token=token) for slot, token in pairs))
