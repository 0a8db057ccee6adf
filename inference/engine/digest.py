"""Making a digest: logits of some positions, reduced to a few hundred bytes each.

`reduce` does what needs the tensor, on the thread that owns the device, and returns a `Reduced`;
its `form` is worked out by numpy alone, and `digest_bytes.pack` writes it: both belong to whoever
stores the digest, beside the next forward pass.
"""

from __future__ import annotations

import math
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
from inference.engine.threads import using_threads

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
    """The rows [n, V] themselves in single precision, which nobody writes to, and the largest
    logit [n] of a token that can be chosen."""

    rows: Array
    positions: Array
    top_logit: Array
    excluded: Array

    @cached_property
    def form(self) -> Form:
        rows, self.rows = self.rows, np.empty((0, 0))  # nobody needs them any more
        top = self.top_logit[:, None]
        apart = np.clip(top - rows[:, self.excluded], -FARTHEST_HALF, FARTHEST_HALF)
        with using_threads(1):  # a writer's thread starts no helpers beside the engine's
            codes = torch.from_numpy(top - rows).half().numpy().view("<u2")  # numpy takes longer
            return form_of_whole(codes, self.positions, self.top_logit, self.excluded, apart)


def excluded_ids(spec: ModelSpec) -> list[int]:
    """Tokens that are never candidates: the mask, and markers that no decoder may write."""
    ids = (spec.mask_id, *spec.barred)
    return [token for token in dict.fromkeys(ids) if token is not None]


def encode(logits: Tensor, positions: Sequence[int], exclude: Sequence[int | None] = ()) -> bytes:
    """The digest's bytes for logits [n, V], all in one go; as `reduce`."""
    return reduce(logits, positions, exclude).to_bytes()


def reduce(logits: Tensor, positions: Sequence[int], exclude: Sequence[int | None] = ()) -> Reduced:
    """The digest of logits [n, V] at `positions` [n].

    The ids in `exclude` (the mask's) are never candidates but keep their share, as terms of their
    own; those that no token has need no excluding. Raises NonFiniteError for logits that are none.
    """
    barred = [i for i in dict.fromkeys(exclude) if i is not None and i < logits.shape[-1]]
    where = np.asarray(positions, "<u4")
    if logits.shape[-1] <= SMALL or not len(logits):
        return _whole(logits.float().cpu().numpy(), positions, where, barred)
    return _counted(logits, positions, where, barred)


@torch.inference_mode()
def _counted(logits: Tensor, positions: Sequence[int], where: Array, barred: list[int]) -> Reduced:
    """Of logits over a large vocabulary, by counts of their differences."""
    kept, nodes = _sizes(logits, barred)
    if logits.device.type != "cpu":
        columns = columns_of(logits, positions, barred, kept, nodes)
        return _Columns(columns, where, np.asarray(barred, "<u4"))
    with using_threads(1):  # row by row in a core's own memory: a helper would only be waited for
        return _Ready(form_of_rows(logits, where, barred, kept, nodes))


def _check(peaks: Array, positions: Sequence[int]) -> None:
    if math.isfinite(peaks.sum(dtype=np.float64)):
        return
    raise NonFiniteError(positions[int(np.isfinite(peaks).argmin())])


def _whole(rows: Array, positions: Sequence[int], where: Array, barred: list[int]) -> Reduced:
    """Of rows [n, V] in single precision: only what tells whether they are numbers at all."""
    top = rows.max(axis=1)
    _check(top, positions)
    excluded = np.asarray(barred, np.int64)
    aside = rows[:, excluded]
    if (aside >= top[:, None]).any():
        others = rows.copy()
        others[:, excluded] = -np.inf
        top = others.max(axis=1)
    top += 0.0  # of a largest logit of -0.0 the one of 0.0 would lie below it
    return _Whole(rows, where, top, excluded)


def _sizes(logits: Tensor, barred: list[int]) -> tuple[int, int]:
    """How many tokens are named, and how many nodes the curve of the others has."""
    vocabulary = logits.shape[-1]
    return min(KEEP, vocabulary - len(barred)), nodes_for(vocabulary)
