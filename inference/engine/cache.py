"""Logits in memory, found again by content: the model's weights and the token ids.

A forward is a pure function of both, so branches, rewinds and other people's sessions that reach
the same tokens share an entry. What is rarely used goes first when the bytes run out.
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor

from inference.engine.checkpoint import LoadedModel
from inference.engine.forward import ForwardMany, Request, forward_many

Key = tuple[str, str]


@dataclass
class CacheStats:
    """Counts since the start, and the bytes and entries held now."""

    hits: int = 0
    misses: int = 0
    evictions: int = 0
    bytes: int = 0
    entries: int = 0


@dataclass(frozen=True)
class Entry:
    """Logits [n, V] of some rows [n], ascending."""

    rows: Tensor
    logits: Tensor

    @property
    def bytes(self) -> int:
        return self.logits.nbytes + self.rows.nbytes

    def select(self, wanted: Tensor) -> Tensor | None:
        """Logits [n, V], float32, of the wanted positions [n], or None if one is not here."""
        place = torch.searchsorted(self.rows, wanted).clamp_max(max(0, len(self.rows) - 1))
        if len(wanted) and not (len(self.rows) and bool((self.rows[place] == wanted).all())):
            return None
        return self.logits[place].float()


def cache_key(model: LoadedModel, ids: Sequence[int] | Tensor) -> Key:
    """The content address of a state, token ids [L], under a model."""
    row = torch.as_tensor(ids).cpu().numpy().astype(np.int64)
    return model.key, hashlib.sha256(row.tobytes()).hexdigest()


class LogitsCache:
    """Least recently used entries go when `limit` bytes are exceeded; pinned ones stay."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._stats = CacheStats()
        self._entries: OrderedDict[Key, Entry] = OrderedDict()
        self._pins: Counter[Key] = Counter()
        self._lock = threading.Lock()

    def get(self, key: Key, rows: Tensor) -> Tensor | None:
        """Logits [n, V] of the wanted rows in float32, or None."""
        with self._lock:
            entry = self._entries.get(key)
            found = entry.select(rows) if entry is not None else None
            self._stats.hits += found is not None
            self._stats.misses += found is None
            if found is not None:
                self._entries.move_to_end(key)
            return found

    def put(self, key: Key, rows: Tensor, logits: Tensor, dtype: torch.dtype) -> None:
        """Keeps float32 logits [n, V] of the positions rows [n], ascending, unless more of them are
        here already; in `dtype` where nothing is lost by it.
        """
        entry = Entry(rows, _packed(logits, dtype))
        with self._lock:
            held = self._entries.get(key)
            if entry.bytes > self.limit or (held is not None and len(held.rows) > len(rows)):
                return
            self._stats.bytes += entry.bytes - (held.bytes if held is not None else 0)
            self._entries[key] = entry
            self._entries.move_to_end(key)
            self._shrink()

    @contextmanager
    def pinned(self, key: Key) -> Iterator[None]:
        """Keeps an entry from being evicted while it is in use."""
        with self._lock:
            self._pins[key] += 1
        try:
            yield
        finally:
            with self._lock:
                self._pins[key] -= 1
                self._pins += Counter()  # drops the zeros
                self._shrink()

    def drop(self, model: LoadedModel) -> None:
        """Forgets everything of a model that is being unloaded, pinned or not."""
        with self._lock:
            for key in [key for key in self._entries if key[0] == model.key]:
                self._remove(key)

    def clear(self) -> None:
        """Forgets everything."""
        with self._lock:
            for key in list(self._entries):
                self._remove(key)

    def stats(self) -> dict[str, int]:
        """Hits, misses, evictions, bytes, entries."""
        with self._lock:
            self._stats.entries = len(self._entries)
            return asdict(self._stats)

    def _shrink(self) -> None:
        for key in list(self._entries):
            if self._stats.bytes <= self.limit:
                return
            if not self._pins[key]:
                self._remove(key)
                self._stats.evictions += 1

    def _remove(self, key: Key) -> None:
        self._stats.bytes -= self._entries.pop(key).bytes


def _packed(logits: Tensor, dtype: torch.dtype) -> Tensor:
    """Half the bytes for a model in half precision; a hit must equal the forward exactly."""
    small = logits.to(dtype)
    return small if small.dtype == logits.dtype or small.float().equal(logits) else logits


class CachedForward:
    """A `forward_many` that looks into the cache first; custom masks are never cached."""

    def __init__(self, cache: LogitsCache, run: ForwardMany = forward_many) -> None:
        self.cache, self.run = cache, run

    def __call__(self, model: LoadedModel, requests: Sequence[Request]) -> list[Tensor]:
        """Logits of each request's rows. What is in use is not evicted meanwhile."""
        keys = [cache_key(model, request.ids) for request in requests]
        with ExitStack() as pins:
            for key in keys:
                pins.enter_context(self.cache.pinned(key))
            return self._answer(model, requests, keys)

    def _answer(
        self, model: LoadedModel, requests: Sequence[Request], keys: Sequence[Key]
    ) -> list[Tensor]:
        found = [self._look(*pair) for pair in zip(keys, requests, strict=True)]
        missing = [i for i, rows in enumerate(found) if rows is None]
        computed = self.run(model, [requests[i] for i in missing]) if missing else []
        for i, rows in zip(missing, computed, strict=True):
            found[i] = rows
            self._keep(keys[i], requests[i], rows, model.dtype)
        return [rows for rows in found if rows is not None]

    def _look(self, key: Key, request: Request) -> Tensor | None:
        if request.rows is None or _is_custom(request):
            return None
        return self.cache.get(key, request.rows)

    def _keep(self, key: Key, request: Request, logits: Tensor, dtype: torch.dtype) -> None:
        if request.rows is None or _is_custom(request) or not self.cache.limit:
            return
        self.cache.put(key, *_in_order(request.rows, logits), dtype)


def _is_custom(request: Request) -> bool:
    """Whether its logits hang on more than the model and the ids."""
    return request.attend is not None or request.positions is not None


def _in_order(rows: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
    """Rows [n] ascending with their logits [n, V].

    Copied only if need be: nobody writes to logits, and a hundred megabytes take their time. A
    part of a larger tensor is copied, because it would keep all of that in memory.
    """
    whole = logits.untyped_storage().nbytes() == logits.nbytes
    if whole and bool((rows[1:] > rows[:-1]).all()):
        return rows, logits
    ordered = rows.sort()
    return ordered.values, logits[ordered.indices]
