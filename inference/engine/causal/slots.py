"""The KV cache of several sequences at once: each has a slot, a row of preallocated buffers.

A sequence fills the columns of its slot from 0 on, so that nothing moves when others come and go.
A decoding step runs over the range of slots that holds all whose turn it is; where the lengths in
it differ, a mask hides what a row does not have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from transformers import Cache
from transformers.cache_utils import CacheLayerMixin

COLUMNS = 128
"""Columns by which buffers grow at least."""


@dataclass
class Window:
    """Which part of the buffers a forward works on.

    `first` and `last`: range of slots. `start`: the column that a single row writes from; of
    several rows, `columns` [B] says where each writes its one token. `width`: columns that are
    looked at.
    """

    first: int = 0
    last: int = 1
    start: int = 0
    width: int = 0
    columns: Tensor | None = None

    @property
    def rows(self) -> slice:
        return slice(self.first, self.last)


class SlotLayer(CacheLayerMixin):  # type: ignore[misc]
    """Keys and values [slots, heads, columns, head size] of one layer, written in place."""

    is_sliding = False

    def __init__(self, window: Window) -> None:
        super().__init__()
        self.keys: Tensor | None = None
        self.values: Tensor | None = None
        self.window = window
        self.slots, self.columns = 0, 0

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Allocates the buffers."""
        self.buffers(key_states, value_states)

    def _grown(self, old: Tensor | None, like: Tensor) -> Tensor:
        if old is not None and old.shape[0] >= self.slots and old.shape[2] >= self.columns:
            return old
        shape = (self.slots, like.shape[1], self.columns, like.shape[3])
        # zeros: a masked column takes part in sums with weight 0, which NaN would survive
        fresh = torch.zeros(shape, dtype=like.dtype, device=like.device)
        if old is not None:
            fresh[: old.shape[0], :, : old.shape[2]] = old
        return fresh

    def buffers(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Both buffers, large enough; shapes and precision of new ones are taken from the given."""
        self.keys = self._grown(self.keys, keys)
        self.values = self._grown(self.values, values)
        self.is_initialized = True
        return self.keys, self.values

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: object, **kwargs: object
    ) -> tuple[Tensor, Tensor]:
        """Writes keys and values [B, heads, n, size] of the window's rows; what these rows see."""
        window = self.window
        keys, values = self.buffers(key_states, value_states)
        if window.columns is None:
            end = window.start + key_states.shape[2]
            keys[window.rows, :, window.start : end] = key_states
            values[window.rows, :, window.start : end] = value_states
        else:
            rows = torch.arange(window.first, window.last, device=key_states.device)
            keys[rows, :, window.columns] = key_states[:, :, 0]
            values[rows, :, window.columns] = value_states[:, :, 0]
        return keys[window.rows, :, : window.width], values[window.rows, :, : window.width]

    def get_seq_length(self) -> int:
        return self.window.start

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.window.width, 0

    def get_max_length(self) -> int:
        return -1


@dataclass
class Slots:
    """Buffers of all layers; `used` says which slots are taken, `limit` how many there may be."""

    layers: int
    limit: int
    window: Window = field(default_factory=Window)
    used: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.cache = Cache(layers=[SlotLayer(self.window) for _ in range(self.layers)])

    @property
    def parts(self) -> list[SlotLayer]:
        """The layers."""
        return self.cache.layers  # type: ignore[no-any-return]

    def take(self) -> int | None:
        """The lowest free slot, or None."""
        free = next((slot for slot in range(self.limit) if slot not in self.used), None)
        if free is not None:
            self.used.add(free)
        return free

    def release(self, slot: int) -> None:
        """Frees a slot; when none is left in use, the buffers go too."""
        self.used.discard(slot)
        if not self.used:
            self.drop()

    def drop(self) -> None:
        """Forgets all keys and values."""
        for part in self.parts:
            part.keys, part.values = None, None
            part.slots = part.columns = 0
            part.is_initialized = False

    def planned_bytes(self) -> int:
        """Bytes that the buffers will take after the next forward; 0 before the first one."""
        cells = [
            part.slots * part.columns * buffer[0, :, 0].nbytes
            for part in self.parts
            for buffer in (part.keys, part.values)
            if buffer is not None
        ]
        return sum(cells)

    def reserve(self, slot: int, length: int) -> None:
        """Makes room for `length` columns in a slot; the buffers grow at their next use."""
        for part in self.parts:
            if part.slots <= slot:
                part.slots = min(self.limit, max(slot + 1, 2 * part.slots))
            if part.columns < length:
                wanted = max(length, part.columns + part.columns // 2)
                part.columns = -(-wanted // COLUMNS) * COLUMNS

    def read(self, slot: int, length: int) -> list[Tensor]:
        """Copies of the first `length` columns: keys and values [heads, n, size] by layer."""
        return [
            buffer[slot, :, :length].clone()
            for part in self.parts
            for buffer in (part.keys, part.values)
            if length and buffer is not None
        ]

    def write(self, slot: int, kept: Sequence[Tensor], length: int) -> None:
        """Puts the first `length` columns of such copies into a slot."""
        self.reserve(slot, length)
        for number, part in enumerate(self.parts):
            pair = kept[2 * number], kept[2 * number + 1]
            buffers = part.buffers(pair[0][None], pair[1][None])
            for buffer, columns in zip(buffers, pair, strict=True):
                buffer[slot, :, :length] = columns[:, :length]
