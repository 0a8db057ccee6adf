"""What a step of a run hands out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from inference.engine.canvas import Canvas, Operation


@dataclass(frozen=True)
class StepResult:
    """What one forward led to.

    `operations` lead from the canvas before to `canvas`; commits carry the probability of their
    token at temperature 1 over the whole vocabulary. `masked` counts the masks that are left.
    `positions` [n] and `logits` [n, V] (on the device) are what the step read, *before* its
    operations. `ms` splits the time into forward and decide. `carry` must be handed back to
    `generate` to go on from here with the same result; it is plain JSON.
    """

    step: int
    operations: list[Operation]
    canvas: Canvas
    masked: int
    block: tuple[int, int]
    positions: list[int]
    logits: Tensor
    ms: dict[str, float]
    carry: dict[str, Any]
