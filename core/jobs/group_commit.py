"""Group commit: what several threads want to write at the same moment, written by one of them.

Runs that share forwards come to their steps together, and each transaction costs more than the rows
of a step. Whoever comes while another writes waits; then one of those that wait writes for all. If
that fails, each is written by itself, so that nobody pays for another's failure.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(eq=False, slots=True)
class _Writing(Generic[T]):
    """What one thread wants to write, and how that ended."""

    item: T
    done: bool = False
    failure: BaseException | None = None


class GroupCommit(Generic[T]):
    """Hands what threads want to write over to `write_all`, as many as there are at the time.

    `write_all` writes all of it or, if it raises, nothing; then it is called for each alone.
    """

    def __init__(self, write_all: Callable[[Sequence[T]], None]) -> None:
        self._write_all = write_all
        self._changed = threading.Condition()
        self._waiting: list[_Writing[T]] = []
        self._busy = False

    def write(self, item: T) -> None:
        """Returns once the item has been written, by whatever thread. Raises what that raised."""
        mine, ours = _Writing(item), list[_Writing[T]]()
        with self._changed:
            self._waiting.append(mine)
            self._changed.wait_for(lambda: mine.done or not self._busy)
            if not mine.done:
                self._busy = True
                ours, self._waiting = self._waiting, ours
        if ours:
            self._lead(ours)
        if mine.failure is not None:
            raise mine.failure

    def _lead(self, ours: list[_Writing[T]]) -> None:
        try:
            self._written(ours)
        finally:
            with self._changed:
                for one in ours:
                    one.done = True
                self._busy = False
                self._changed.notify_all()

    def _written(self, ours: list[_Writing[T]]) -> None:
        try:
            self._write_all([one.item for one in ours])
        except BaseException as error:
            if len(ours) == 1:
                ours[0].failure = error  # it belongs to the thread that waits for it
                return
            for one in ours:
                self._written([one])
