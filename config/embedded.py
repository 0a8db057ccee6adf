"""The worker inside the web process: a real Celery worker in a thread, fed from memory."""

from __future__ import annotations

import logging
import threading
from typing import Any

from celery.signals import before_task_publish
from celery.worker import WorkController
from celery.worker import state as worker_state
from django.conf import settings

from config.broker import ARRIVED
from config.celery import app
from config.lock import DataLock

log = logging.getLogger(__name__)
START_SECONDS = 60
STOP_SECONDS = 8


class _Worker(WorkController):  # type: ignore[misc]
    """A worker that says when it consumes; Celery's own signal is sent by the command only."""

    def on_before_init(self, ready: threading.Event | None = None, **options: Any) -> None:
        self.consuming = ready or threading.Event()
        super().on_before_init(**options)

    def on_consumer_ready(self, consumer: Any) -> None:
        self.consuming.set()


class Embedded:
    """Starts at most one worker thread and stops it."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        self._stopping = False
        self.lock = DataLock(settings.DATA_DIR)

    @property
    def alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive() and self._ready.is_set()

    def start(self, wait: bool = True) -> None:
        """Start the worker unless it runs. Raises Occupied when another process holds the data."""
        with self._guard:
            if self._stopping:
                return
            if self._thread is None or not self._thread.is_alive():
                self.lock.acquire()
                self._ready.clear()
                self._thread = threading.Thread(target=self._run, name="worker", daemon=True)
                self._thread.start()
        if wait and not self._ready.wait(START_SECONDS):
            raise RuntimeError("the worker did not start; the log says why")

    def stop(self) -> bool:
        """Let running tasks end, for a few seconds at most, and give the data directory free.

        False if some go on: the interpreter would wait for their threads for as long as they take.
        """
        with self._guard:
            # Tasks that end now may send others, which must not start the worker again.
            self._stopping, thread = True, self._thread
        if thread is not None:
            worker_state.should_stop = 0
            ARRIVED.set()
            thread.join(STOP_SECONDS)
        with self._guard:
            self._thread = None
            self._stopping = thread is not None and thread.is_alive()
            self.lock.release()
            return not self._stopping

    def _run(self) -> None:
        try:
            self._work()
        except Exception:
            log.exception("the worker ended; the next task starts it again")

    def _work(self) -> None:
        worker_state.should_stop = None
        worker = _Worker(
            app=app,
            ready=self._ready,
            pool_cls="threads",
            concurrency=app.conf.worker_concurrency,
            hostname="embedded@localhost",
            loglevel=logging.getLevelName(logging.getLogger().level),
            without_heartbeat=True,
            without_mingle=True,
            without_gossip=True,
        )
        worker.start()
        log.info("worker stopped")


EMBEDDED = Embedded()


def ensure_worker() -> None:
    """Before the first task is sent there must be somebody who works it."""
    if settings.EMBEDDED and threading.current_thread().name != "worker":
        EMBEDDED.start(wait=False)


@before_task_publish.connect
def _before_publish(**_: Any) -> None:
    ensure_worker()
