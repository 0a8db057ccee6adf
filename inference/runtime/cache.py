"""Logits by content: a forward is a pure function, so branches, rewinds and other users hit."""

from __future__ import annotations

import hashlib
import threading
from array import array
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from torch import Tensor

Key = bytes


@dataclass
class Counters:
    """What the cache has done since the process started; `held` is in bytes."""

    hits: int = 0
    misses: int = 0
    evictions: int = 0
    held: int = 0


def content_key(model_key: str, ids: Sequence[int], rows: Sequence[int]) -> Key:
    """Equal keys mean equal logits: weights and configuration, token ids, wanted rows."""
    digest = hashlib.blake2b(model_key.encode(), digest_size=16)
    for part in (ids, rows):
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(array("q", part).tobytes())
    return digest.digest()


class LogitsCache:
    """Least recently used entries give way as soon as the byte budget is exceeded."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.counters = Counters()
        self._entries: OrderedDict[Key, Tensor] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key) -> Tensor | None:
        with self._lock:
            tensor = self._entries.get(key)
            if tensor is None:
                self.counters.misses += 1
                return None
            self.counters.hits += 1
            self._entries.move_to_end(key)
            return tensor

    def put(self, key: Key, tensor: Tensor) -> None:
        """Keep a tensor; one that is larger than the whole budget is not kept."""
        size = _size(tensor)
        if size > self.budget:
            return
        with self._lock:
            self._drop(key)
            self._entries[key] = tensor
            self.counters.held += size
            while self.counters.held > self.budget:
                self._drop(next(iter(self._entries)))
                self.counters.evictions += 1

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()
            self.counters.held = 0

    def metrics(self) -> dict[str, int]:
        return {**asdict(self.counters), "budget": self.budget, "entries": len(self._entries)}

    def _drop(self, key: Key) -> None:
        old = self._entries.pop(key, None)
        if old is not None:
            self.counters.held -= _size(old)


def _size(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()
