"""Keys and values of finished sequences, found again by their longest common beginning."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from torch import Tensor

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Kept:
    """`parts`: keys and values [heads, n, size] by layer, of the tokens `ids` [n]."""

    ids: Ids
    parts: list[Tensor]

    @property
    def bytes(self) -> int:
        return sum(part.nbytes for part in self.parts)


class Found(NamedTuple):
    """How many tokens of a sequence a kept one covers."""

    length: int
    parts: list[Tensor]


class PrefixStore:
    """Least recently used sequences go when `limit` bytes are exceeded. For any thread."""

    def __init__(self, limit: int) -> None:
        self.limit, self.bytes, self.hits, self.misses = limit, 0, 0, 0
        self._kept: OrderedDict[tuple[str, bytes], Kept] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, model: str, ids: Sequence[int]) -> Found | None:
        """What covers most of the beginning of `ids` for the model with this key; None: nothing.

        The last token is never covered: its forward gives the logits that are wanted.
        """
        wanted = np.asarray(ids[:-1], dtype=np.int64)
        with self._lock:
            shared = {
                key: common(kept.ids, wanted) for key, kept in self._kept.items() if key[0] == model
            }
            best = max(shared, key=shared.__getitem__, default=None)
            if best is None or not shared[best]:
                self.misses += 1
                return None
            self.hits += 1
            self._kept.move_to_end(best)
            return Found(shared[best], self._kept[best].parts)

    def put(self, model: str, ids: Sequence[int], parts: list[Tensor]) -> None:
        """Keeps a sequence; shorter ones that it begins with need no place of their own."""
        row = np.asarray(ids, dtype=np.int64)
        kept = Kept(row, parts)
        if not len(row) or kept.bytes > self.limit:
            return
        with self._lock:
            for key, other in list(self._kept.items()):
                if key[0] == model and common(other.ids, row) == len(other.ids):
                    self._remove(key)
            self._kept[model, row.tobytes()] = kept
            self.bytes += kept.bytes
            while self.bytes > self.limit:
                self._remove(next(iter(self._kept)))

    def covers(self, model: str, ids: Sequence[int]) -> bool:
        """Whether all of `ids` is the beginning of something kept."""
        row = np.asarray(ids, dtype=np.int64)
        with self._lock:
            return any(
                key[0] == model and common(kept.ids, row) == len(row)
                for key, kept in self._kept.items()
            )

    def drop(self, model: str) -> None:
        """Forgets everything of a model."""
        with self._lock:
            for key in [key for key in self._kept if key[0] == model]:
                self._remove(key)

    def stats(self) -> dict[str, int]:
        """Bytes, sequences, hits and misses."""
        with self._lock:
            return {
                "bytes": self.bytes,
                "entries": len(self._kept),
                "hits": self.hits,
                "misses": self.misses,
            }

    def _remove(self, key: tuple[str, bytes]) -> None:
        self.bytes -= self._kept.pop(key).bytes


def common(one: Ids, other: Ids) -> int:
    """How many leading ids two rows share."""
    length = min(len(one), len(other))
    different = np.flatnonzero(one[:length] != other[:length])
    return int(different[0]) if len(different) else length
