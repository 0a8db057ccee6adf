"""What starts and stops together with a Celery worker."""

from __future__ import annotations

from typing import Any

from celery import bootsteps


class Timers(bootsteps.StartStopStep):  # type: ignore[misc]
    """Heartbeats and reapers of the apps. Imported late: only workers know these modules."""

    requires = ("celery.worker.components:Pool",)

    def start(self, worker: Any) -> None:
        from inference.worker.timers import TimerThread

        self.thread = TimerThread()
        self.thread.start()

    def stop(self, worker: Any) -> None:
        self.thread.stop()

    terminate = stop
