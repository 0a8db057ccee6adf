"""The cosines and sines by which positions turn queries and keys, kept between forwards.

Every step of a run needs the same ones again, which cost a small model some 2 % of its forward.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

LASTING = ("default", "linear", "llama3", "yarn")
"""Kinds of rotary embeddings whose angles do not hang on how long a sequence is."""
MOST_KEPT = 16
"""Lengths of sequences that are kept of a model."""

Rotation = tuple[Tensor, tuple[Tensor, Tensor]]
_kept: WeakKeyDictionary[nn.Module, dict[Any, Rotation]] = WeakKeyDictionary()


def rotations(rotary: nn.Module, hidden: Tensor, positions: Tensor | None) -> Rotation:
    """The positions [1 or B, L], and the cosines and sines [1 or B, L, d] of a native rotary layer.

    `hidden` [B, L, d] tells length, device and precision; without `positions` the sequence begins
    at 0, and these are kept.
    """
    length = hidden.shape[1]
    if positions is not None:
        return _computed(rotary, hidden, positions)
    if rotary.rope_type not in LASTING:
        return _computed(rotary, hidden, torch.arange(length, device=hidden.device)[None])
    known, key = _kept.setdefault(rotary, {}), (length, hidden.device, hidden.dtype)
    if key not in known:
        if len(known) >= MOST_KEPT:
            known.clear()
        with torch.inference_mode(False):  # so that they serve everybody
            counted = torch.arange(length, device=hidden.device)[None]
            known[key] = _computed(rotary, hidden, counted)
    return known[key]


def _computed(rotary: nn.Module, hidden: Tensor, positions: Tensor) -> Rotation:
    return positions, rotary(hidden, positions)
