"""Input vectors: one table in memory for a model and its adapters, and a mask vector beside it.

An adapter changes one row of its base's table, that of the mask token. Kept beside the table, the
row leaves the table the base's own, so that both models can look into the same memory.
"""

from __future__ import annotations

import threading
from typing import Any
from weakref import ref

import torch
from torch import Tensor, nn

Key = tuple[str, torch.dtype, torch.device, tuple[int, ...]]
Row = tuple[ref[nn.Parameter], int]
_tables: dict[Key, list[Row]] = {}
"""Tables of loaded models, each with its version: writing to a tensor raises that."""
_lock = threading.Lock()


class MaskedEmbedding(nn.Embedding):
    """The rows of another embedding's table, but for `mask_id` the vector `mask` [d]."""

    mask: Tensor

    def __init__(self, table: nn.Embedding, mask_id: int, mask: Tensor) -> None:
        rows, width = table.weight.shape
        super().__init__(rows, width, _weight=table.weight)
        self.weight = table.weight  # the very parameter, which the output head may share
        self.padding_idx, self.mask_id = table.padding_idx, mask_id
        self.register_buffer("mask", mask.to(table.weight), persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        """[..., d] of ids [...]."""
        return torch.where((ids == self.mask_id)[..., None], self.mask, super().forward(ids))


def set_mask_vector(model: Any, mask_id: int, mask: Tensor) -> None:
    """From here on the model reads `mask` [d] for this id; its table stays as it is."""
    model.set_input_embeddings(MaskedEmbedding(model.get_input_embeddings(), mask_id, mask))


def share_table(model: Any, content: str) -> None:
    """Lets the model use the table of a loaded one whose table has the same content, where one is.

    `content` names what the table was read from. A table that was written to since, or lies on
    another device, is not taken.
    """
    own: nn.Parameter = model.get_input_embeddings().weight
    if own.is_inference():  # nothing tells whether such a tensor was written to
        return
    key = content, own.dtype, own.device, tuple(own.shape)
    with _lock:
        kept = [row for row in _tables.get(key, []) if row[0]() is not None]
        usable = _unwritten(kept, own.device)
        if usable:
            own.data = usable[0].data
        _tables[key] = [*kept, (ref(own), own._version)]


def _unwritten(rows: list[Row], device: torch.device) -> list[Tensor]:
    """Tables on the device as they were read; one that was written to spoils its sharers, too."""
    tables = [(table, version) for known, version in rows if (table := known()) is not None]
    written = {table.data_ptr() for table, version in tables if table._version != version}
    here = [table for table, _ in tables if table.device == device]
    return [table for table in here if table.data_ptr() not in written]
