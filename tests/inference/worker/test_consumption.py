"""Whether a worker takes tasks is seen by tasks that it takes, and by nothing else."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from config.celery import app
from inference.worker import consumption, tasks  # noqa: F401 - tasks registers the probe


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock of the module; it stands still."""
    time = [1000.0]
    monkeypatch.setattr(consumption, "time", SimpleNamespace(monotonic=lambda: time[0]))
    consumption.LAST.stamp()
    return time


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []
    monkeypatch.setattr(app, "send_task", lambda name, **_: names.append(name))
    return names


def test_a_worker_sends_itself_a_task_only_when_it_has_had_none(
    now: list[float], sent: list[str]
) -> None:
    consumption.probe()
    assert sent == []
    now[0] += 2 * consumption.PROBE_SECONDS
    consumption.probe()
    assert sent == [consumption.PROBE]
    assert consumption.PROBE in app.tasks
    assert consumption.figures() == {"idle_seconds": 2 * consumption.PROBE_SECONDS}


def test_a_task_that_begins_is_noticed_and_one_that_waits_is_not(now: list[float]) -> None:
    now[0] += 100
    app.tasks[consumption.PROBE].apply()
    assert consumption.LAST.idle_seconds == 0
