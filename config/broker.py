"""The broker of the one-process shape: kombu's memory transport, without looking at intervals.

The stock transport looks for messages every so often, which makes every task start late by half an
interval. Here whoever sends a task wakes the worker, and so does whoever acknowledges one, since
that makes room for the next. The worker's loop is let go now and then, to see whether it is to end.
"""

from __future__ import annotations

import threading
from queue import Empty
from typing import Any

from kombu.transport import memory

ARRIVED = threading.Event()
TURN_SECONDS = 0.25


class Channel(memory.Channel):  # type: ignore[misc]
    """Queues in memory; a message that is put there, or room for one, is noticed at once."""

    def _put(self, queue: str, message: Any, **kwargs: Any) -> None:
        super()._put(queue, message, **kwargs)
        ARRIVED.set()

    def basic_ack(self, delivery_tag: Any, multiple: bool = False) -> None:
        super().basic_ack(delivery_tag, multiple)
        ARRIVED.set()

    def basic_reject(self, delivery_tag: Any, requeue: bool = False) -> None:
        super().basic_reject(delivery_tag, requeue)
        ARRIVED.set()


class Transport(memory.Transport):  # type: ignore[misc]
    """Delivers a message as soon as it is there."""

    Channel = Channel

    def drain_events(self, connection: Any, timeout: float | None = None) -> None:
        """Deliver one message, or wait a moment for one. Raises TimeoutError if none came."""
        ARRIVED.clear()
        if self._delivered(timeout):
            return
        ARRIVED.wait(TURN_SECONDS)
        if not self._delivered(timeout):
            raise TimeoutError

    def _delivered(self, timeout: float | None) -> bool:
        try:
            self.cycle.get(self._deliver, timeout=timeout)
        except Empty:
            return False
        return True
