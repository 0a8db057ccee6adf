"""Suspended work: what only memory knows of a run or a chat, kept between two pieces of it.

Whoever goes on with the work in the same process soon finds it here; whoever comes late, or
elsewhere, makes it again and comes to the same tokens. Kept within a budget of bytes.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

from inference.runtime.models import unloading

BYTES = 512 * 2**20
"""All that is suspended together: a block's logits over a large vocabulary take hundreds of MB."""
SECONDS = 30.0


@dataclass(frozen=True)
class Suspended:
    """Something kept under a key for the model that it belongs to."""

    model: Any
    value: Any
    size: int
    since: float = field(default_factory=time.monotonic)


class SuspendedStore:
    """Least recently suspended first; older than `seconds` or beyond `limit` bytes is let go."""

    def __init__(self, limit: int = BYTES, seconds: float = SECONDS) -> None:
        self.limit, self.seconds = limit, seconds
        self._kept: OrderedDict[Hashable, Suspended] = OrderedDict()
        self._guard = threading.Lock()

    def put(self, key: Hashable, model: Any, value: Any, size: int) -> None:
        """Keep a value of `size` bytes for a moment; one larger than the budget is not kept."""
        self.forget_old()
        with self._guard:
            self._kept.pop(key, None)
            if size <= self.limit:
                self._kept[key] = Suspended(model, value, size)
            while self.size > self.limit:
                self._kept.popitem(last=False)

    def take(self, key: Hashable, model: Any) -> Any | None:
        """The value if it is here and belongs to this model; gone afterwards."""
        self.forget_old()
        with self._guard:
            found = self._kept.pop(key, None)
        return found.value if found is not None and found.model is model else None

    def forget(self, key: Hashable) -> None:
        """Let go of work that has ended."""
        with self._guard:
            self._kept.pop(key, None)

    def drop(self, model: Any) -> None:
        """Let go of the work of a model that is being unloaded."""
        self._drop(lambda kept: kept.model is model)

    def forget_old(self) -> None:
        """Let go of work that nobody went on with here in time."""
        latest = time.monotonic() - self.seconds
        self._drop(lambda kept: kept.since < latest)

    @property
    def size(self) -> int:
        """Bytes of all that is kept."""
        return sum(kept.size for kept in self._kept.values())

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._kept

    def _drop(self, gone: Callable[[Suspended], bool]) -> None:
        with self._guard:
            for key in [key for key, kept in self._kept.items() if gone(kept)]:
                del self._kept[key]


SUSPENDED = SuspendedStore()
"""Of this process."""
unloading.append(SUSPENDED.drop)
