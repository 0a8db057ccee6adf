"""Random numbers that depend on the seed and the step only, so that any step can be redone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

StepRng = Callable[[int], torch.Generator]


@dataclass(frozen=True)
class BatchRow:
    """Which row of a published batch a run repeats: `row` of `rows`, behind `padding` places.

    Published code draws for a whole batch, so that a row's numbers depend on its place in it.
    """

    row: int = 0
    rows: int = 1
    padding: int = 0

    def draw(
        self, generator: torch.Generator, span: tuple[int, int], *shape: int, dtype: torch.dtype
    ) -> Tensor:
        """This row's uniform numbers [end - start, *shape] of a draw over all rows."""
        before = self.padding if span[0] == 0 else 0
        size = (self.rows, before + span[1] - span[0], *shape)
        return torch.rand(size, dtype=dtype, generator=generator)[self.row, before:]


ALONE = BatchRow()


def seeded(seed: int) -> StepRng:
    """step → a fresh CPU generator of its own."""

    def generator(step: int) -> torch.Generator:
        digest = hashlib.sha256(f"{seed}:{step}".encode()).digest()
        return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)

    return generator


def one_generator(seed: int) -> StepRng:
    """One generator for a whole run, as published loops have: no entry in the middle."""
    shared = torch.Generator().manual_seed(seed)
    return lambda step: shared


def per_position(generator: torch.Generator, length: int, positions: Tensor) -> Tensor:
    """Uniform float64 numbers for some positions, the same whichever others are open."""
    draws = torch.rand(length, dtype=torch.float64, generator=generator)
    return draws.to(positions.device)[positions]


def gumbel_of(uniform: Tensor) -> Tensor:
    """Standard Gumbel noise from uniform numbers."""
    return -(-uniform.clamp(1e-300, 1 - 1e-16).log()).log()
