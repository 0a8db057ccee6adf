"""What a worker does by itself: once at its start, then in intervals, come what may."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from django.utils import timezone

from inference.models import ModelEntry, WorkerBeat
from inference.worker import heartbeat, timers
from tests.servers import wait_for


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Iterator[timers.TimerThread]:
    monkeypatch.setattr(timers, "_TIMERS", {})
    monkeypatch.setattr(timers, "close_old_connections", lambda: None)
    thread = timers.TimerThread()
    yield thread
    thread.stop()


@pytest.mark.parametrize("end", [ZeroDivisionError, SystemExit, KeyboardInterrupt])
def test_entries_run_at_once_and_again_and_survive_failures(
    end: type[BaseException], running: timers.TimerThread
) -> None:
    calls: list[str] = []

    @timers.every(0.2)
    def often() -> None:
        calls.append("often")

    @timers.every(math.inf)
    def once() -> None:
        calls.append("once")

    @timers.every(0.2)
    def failing() -> None:
        calls.append("failing")
        raise end

    running.start()
    wait_for(lambda: calls.count("often") >= 3, "three turns", 30)
    assert calls.count("once") == 1
    assert calls.count("failing") >= 2


def test_the_thread_stops_when_told(running: timers.TimerThread) -> None:
    running.start()
    running.stop()
    assert not running.is_alive()


@pytest.mark.django_db
def test_a_beat_names_the_worker_and_what_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    row = ModelEntry.objects.create(slug="x/y", label="x", path="x/y", state="available")
    monkeypatch.setattr(heartbeat.runtime, "loaded", lambda: ["x/y"])
    heartbeat.beat()
    heartbeat.beat()
    written = WorkerBeat.objects.get(name=heartbeat.name())
    assert written.loaded == ["x/y"]
    always = {"engine", "logits_cache", "tasks", "models", "figures"}
    assert set(written.metrics) == always | set(heartbeat.TOLD)
    row.refresh_from_db()
    assert row.state == "loaded"


@pytest.mark.django_db
def test_dead_workers_are_forgotten() -> None:
    old = timezone.now() - 2 * heartbeat.KEEP
    WorkerBeat.objects.create(name="old", device="cpu", seen=old)
    WorkerBeat.objects.create(name="new", device="cpu", seen=timezone.now())
    heartbeat.forget_dead_workers()
    assert list(WorkerBeat.objects.values_list("name", flat=True)) == ["new"]
