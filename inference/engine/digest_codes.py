"""Differences of logits as codes: their bits in half precision, which sort as whole numbers do."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

UNSHARED = 2**14
"""Elements of an operation that torch does by one thread: half of what it begins to share out."""


Pieces = list[tuple[Tensor, Tensor]]


def pieces(below: NDArray[np.float32], codes: NDArray[np.uint16]) -> Pieces:
    """Two arrays of one shape in portions of which torch does each by one thread: on a busy machine
    waiting for a helper takes longer than the work."""
    given = torch.from_numpy(below.reshape(-1))
    into = torch.from_numpy(codes.reshape(-1).view("<f2"))
    return list(zip(torch.split(given, UNSHARED), torch.split(into, UNSHARED), strict=True))


def write_codes(pieces: Pieces) -> None:
    """Write the codes of differences ≥ 0; by torch, since numpy takes many times as long."""
    for below, codes in pieces:
        codes.copy_(below)
