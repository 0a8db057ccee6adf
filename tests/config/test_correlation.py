"""One correlation id from the request into the worker's log and the reader's answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from celery import current_app, shared_task

from config.embedded import EMBEDDED
from inference.errors import correlation_id, new_correlation_id
from inference.worker import heartbeat

SEEN: list[str] = []
DONE = threading.Event()


@shared_task(name="tests.see")
def see() -> None:
    SEEN.append(correlation_id.get())
    DONE.set()


@pytest.fixture
def embedded(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stops the worker while the database is still there; no model is loaded beside it."""
    monkeypatch.setattr(heartbeat, "_preload", lambda: None)
    yield
    EMBEDDED.stop()


def test_a_task_runs_in_the_embedded_worker_under_its_senders_id(embedded: None) -> None:
    """Also: the first task starts the worker, without anybody asking for it."""
    assert not EMBEDDED.alive
    for _ in range(2):
        DONE.clear()
        fresh = new_correlation_id()
        current_app.send_task("tests.see")
        assert DONE.wait(60)
        assert SEEN[-1] == fresh
    assert EMBEDDED.alive
