"""The tensors of a GGUF file as float32 under the names of the native class, one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gguf import GGMLQuantizationType
from gguf.quants import dequantize
from torch import Tensor

from inference.engine import shards
from inference.engine.errors import CheckpointError
from inference.engine.gguf.architectures import Architecture, native_name
from inference.engine.gguf.header import Header, TensorInfo


class GGUFWeights:
    """Weights of one file; nothing is read before it is asked for."""

    def __init__(
        self, path: Path, header: Header, row: Architecture, config: Mapping[str, Any]
    ) -> None:
        self.path, self._row, self._config = path, row, config
        self._tensors: dict[str, tuple[str, TensorInfo]] = {}
        for name, info in header.tensors.items():
            if name in row.facts:
                continue
            key = native_name(row, name)
            if key in self._tensors:
                raise CheckpointError(f"Tensors {name} and another are both {key}.", name)
            self._tensors[key] = (name, info)

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return sum(info.bytes for _, info in self._tensors.values())

    def headers(self) -> dict[str, shards.Header]:
        """Shapes by native name; whatever the type in the file, the values come as float32."""
        return {
            key: shards.Header("F32", list(info.shape)) for key, (_, info) in self._tensors.items()
        }

    def tensors(self, keys: Mapping[str, Any]) -> Iterator[tuple[str, Tensor, int]]:
        """The wanted tensors with the bytes that each takes in the file."""
        data = np.memmap(self.path, dtype=np.uint8, mode="r")
        for key, (name, info) in self._tensors.items():
            if key in keys:
                yield key, self._read(data, name, info), info.bytes

    def content_hash(self, between: Callable[[], None]) -> str:
        """sha256 of the file."""
        return shards.content_hash([self.path], between)

    def _read(self, data: np.ndarray[Any, Any], name: str, info: TensorInfo) -> Tensor:
        value = values(data, name, info)
        change = self._row.changes.get(name.removesuffix(".weight").rpartition(".")[2])
        return value if change is None else change(value, self._config)


def values(data: np.ndarray[Any, Any], name: str, info: TensorInfo) -> Tensor:
    """A tensor of the file's bytes in float32. Raises CheckpointError where they end too early."""
    raw = data[info.offset : info.offset + info.bytes]
    if len(raw) != info.bytes:
        raise CheckpointError(f"The file is shorter than {name} says.", name)
    rows = raw.reshape(int(np.prod(info.shape[:-1])), -1)
    found = dequantize(rows, GGMLQuantizationType(info.kind)).reshape(info.shape)
    return torch.from_numpy(np.array(found, dtype=np.float32))
