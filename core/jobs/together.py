"""One transaction for what several threads want to write at the same moment (group commit).

Runs that share forwards come to their steps together, and each transaction costs more than the rows
of a step. Whoever comes while another writes waits; then one of those that wait writes for all. If
that fails, each is written in a transaction of its own, so that nobody pays for another's failure.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction

from inference.events import gathered


@dataclass(eq=False, slots=True)
class _Writing:
    """What one thread wants to write, and how that ended."""

    work: Callable[[], None]
    again: Callable[[], None]
    done: bool = False
    failure: BaseException | None = None

    def alone(self) -> None:
        try:
            self.again()
            _in_one_transaction([self])
        except BaseException as error:  # it belongs to the thread that waits for it
            self.failure = error


class Together:
    """Writes what threads hand over, in transactions that they share."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: list[_Writing] = []
        self._busy = False

    def write(self, work: Callable[[], None], again: Callable[[], None]) -> None:
        """Returns once `work` has been committed, with its events. Raises what it raises.

        `work` may be carried out by another thread, and a second time in another transaction;
        before that `again` brings back what the first time changed in memory.
        """
        mine, ours = _Writing(work, again), list[_Writing]()
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

    def _lead(self, ours: list[_Writing]) -> None:
        try:
            _written(ours)
        finally:
            with self._changed:
                for one in ours:
                    one.done = True
                self._busy = False
                self._changed.notify_all()


def _written(ours: list[_Writing]) -> None:
    try:
        _in_one_transaction(ours)
    except BaseException as error:
        if len(ours) == 1:
            ours[0].failure = error
            return
        for one in ours:
            one.alone()


def _in_one_transaction(ours: list[_Writing]) -> None:
    with transaction.atomic(), gathered():
        for one in ours:
            one.work()
