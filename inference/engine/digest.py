"""Making a digest: logits of some positions, reduced to a few hundred bytes each.

`reduce` does what needs the tensor, on the thread that owns the device, and returns a `Reduced`;
its `form` is worked out by numpy alone, and `digest_bytes.pack` writes it: both belong to whoever
stores the digest, beside the next forward pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from inference.engine.digest_bytes import pack
from inference.engine.digest_device import Columns, columns_of
from inference.engine.digest_forms import FARTHEST_HALF, KEEP, Form
from inference.engine.digest_histogram import form_of_rows
from inference.engine.digest_tail import Array, nodes_for
from inference.engine.digest_whole import form_of_whole
from inference.engine.errors import NonFiniteError
from inference.engine.families.spec import ModelSpec
from inference.engine.reduce import best_token, largest

SMALL = 4096
"""Rows over a vocabulary up to this leave the device's thread whole."""


class Reduced:
    """What is kept of a forward pass, not written yet."""

    @cached_property
    def form(self) -> Form:
        """The arrays as they will be written. Raises NotImplementedError here."""
        raise NotImplementedError

    def to_bytes(self, coded: bool = True) -> bytes:
        return pack(self.form, coded)


@dataclass
class _Ready(Reduced):
    """Arrays that are as they will be written."""

    ready: Form

    @cached_property
    def form(self) -> Form:
        return self.ready


@dataclass
class _Columns(Reduced):
    """Columns that a GPU has reduced."""

    columns: Columns
    positions: Array
    excluded: Array

    @cached_property
    def form(self) -> Form:
        return self.columns.form(self.positions, self.excluded)


@dataclass
class _Whole(Reduced):
    """All differences l0 - l [n, V]: in single precision, and the bits of half precision."""

    below: Array
    codes: Array
    positions: Array
    top_logit: Array
    excluded: Array

    @cached_property
    def form(self) -> Form:
        columns = self.below, self.codes, self.positions, self.top_logit, self.excluded
        self.below = self.codes = np.empty(0)  # both are spoilt by it
        return form_of_whole(*columns)


def excluded_ids(spec: ModelSpec) -> list[int]:
    """Tokens that are never candidates: the mask, and markers that no decoder may write."""
    ids = (spec.mask_id, *spec.barred)
    return [token for token in dict.fromkeys(ids) if token is not None]


def encode(logits: Tensor, positions: Sequence[int], exclude: Sequence[int | None] = ()) -> bytes:
    """The digest's bytes for logits [n, V], all in one go; as `reduce`."""
    return reduce(logits, positions, exclude).to_bytes()


@torch.inference_mode()
def reduce(logits: Tensor, positions: Sequence[int], exclude: Sequence[int | None] = ()) -> Reduced:
    """The digest of logits [n, V] at `positions` [n].

    The ids in `exclude` (the mask's) are never candidates but keep their share, as terms of their
    own; those that no token has need no excluding. Raises NonFiniteError for logits that are none.
    """
    barred = [i for i in dict.fromkeys(exclude) if i is not None and i < logits.shape[-1]]
    where = np.asarray(positions, "<u4")
    if logits.shape[-1] <= SMALL or not len(logits):
        here = logits.cpu()
        return _whole(here, where, barred, _peaks(here, positions))
    kept, nodes = _sizes(logits, barred)
    if logits.device.type != "cpu":
        columns = columns_of(logits, positions, barred, kept, nodes)
        return _Columns(columns, where, np.asarray(barred, "<u4"))
    _peaks(logits, positions)
    return _Ready(form_of_rows(logits, where, barred, kept, nodes))


def _peaks(logits: Tensor, positions: Sequence[int]) -> Tensor:
    """The column [n] of the largest logit. A logit that is no number leaves none that is finite."""
    peak = largest(logits if logits.dtype != torch.bfloat16 else logits.float())
    fine = torch.isfinite(logits.gather(1, peak[:, None])[:, 0])
    if not bool(fine.all()):
        raise NonFiniteError(positions[int((~fine).int().argmax())])
    return peak


def _whole(logits: Tensor, where: Array, barred: list[int], peak: Tensor) -> Reduced:
    rows = logits.float()
    top = rows.gather(1, best_token(rows, barred, peak)[:, None])
    below = (top - rows).clamp_(-FARTHEST_HALF, FARTHEST_HALF)
    codes = below.half().view(torch.int16).numpy().view("<u2")
    return _Whole(below.numpy(), codes, where, top[:, 0].numpy(), np.asarray(barred, np.int64))


def _sizes(logits: Tensor, barred: list[int]) -> tuple[int, int]:
    """How many tokens are named, and how many nodes the curve of the others has."""
    vocabulary = logits.shape[-1]
    return min(KEEP, vocabulary - len(barred)), nodes_for(vocabulary)
