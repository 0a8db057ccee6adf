"""Logits of tokens that are written already, from the forwards of a run that keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.step_result import StepResult
from inference.engine.forward import ForwardMany, Request


class WrittenLogits:
    """A forward that reads the written places too and keeps their logits aside.

    The recipe is given what it asked for and nothing else. Passes over something else than the
    canvas as it is (windows of it, guidance, past states) are left as they are.
    """

    def __init__(self, forward: ForwardMany) -> None:
        self._forward = forward
        self.submit: Any = getattr(forward, "submit", None)
        self.begin(Canvas.start([], 0, 0))

    def begin(self, canvas: Canvas) -> None:
        """The next step starts from this canvas."""
        self.canvas = canvas
        self.places: list[int] = []
        self.logits: Tensor | None = None

    def __call__(self, model: LoadedModel, requests: Sequence[Request]) -> list[Tensor]:
        places, rows = self._places(requests), requests[0].rows
        if not places or rows is None:
            return self._forward(model, requests)
        more = torch.tensor(places, dtype=rows.dtype, device=rows.device)
        wide = replace(requests[0], rows=torch.cat([rows, more]))
        found = self._forward(model, [wide])[0]
        self.places, self.logits = places, found[len(rows) :]
        return [found[: len(rows)]]

    def _places(self, requests: Sequence[Request]) -> list[int]:
        """The written places of the canvas, if this is the one pass over it."""
        slots = self.canvas.slots
        if len(requests) != 1 or requests[0].ids[: len(slots)].tolist() != self.canvas.tokens:
            return []
        mask = self.canvas.mask_id
        return [i for i, slot in enumerate(slots) if not slot.prompt and slot.token != mask]

    def joined(self, result: StepResult) -> tuple[list[int], Tensor]:
        """Positions and logits of a step: those that it read, and the written ones."""
        if self.logits is None:
            return result.positions, result.logits
        return result.positions + self.places, torch.cat([result.logits, self.logits])
