"""How long a slice goes on: it ends for somebody's sake, not by the clock alone."""

from __future__ import annotations

import itertools
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from celery import current_app
from celery.worker import state
from kombu import Connection
from pytest_django import Settings

from core.jobs import dispatch
from core.worker import slices
from core.worker.slices import LONGEST_SECONDS, SLICE_SECONDS, SliceTime
from inference import registry, runtime
from inference.runtime.loading_queue import LOADING_QUEUE
from tests.tiny import tiny_model


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(slices, "time", clock)
    return clock


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether others wait (the last of the list; at first nobody), looked up or not."""
    answers = [False]
    monkeypatch.setattr(slices, "others_wait", lambda: answers[-1])
    return answers


def test_a_slice_goes_on_while_nobody_waits_up_to_a_limit(clock: Clock, asked: list[bool]) -> None:
    slice_time = SliceTime()
    for _ in range(int(LONGEST_SECONDS / SLICE_SECONDS)):
        clock.now += SLICE_SECONDS
        assert not slice_time.is_over()
    clock.now += SLICE_SECONDS
    assert slice_time.is_over()


def test_a_slice_ends_for_somebody_who_waits_not_before_its_time(
    clock: Clock, asked: list[bool]
) -> None:
    slice_time = SliceTime()
    asked.append(True)
    clock.now += SLICE_SECONDS - 0.01
    assert not slice_time.is_over()
    clock.now += 0.01
    assert slice_time.is_over()
    asked.append(False)
    assert slice_time.is_over(), "what is ready is written, and nothing else begun"


def test_the_broker_is_asked_once_in_a_slice_s_time(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = itertools.count()
    monkeypatch.setattr(slices, "others_wait", lambda: next(looks) < 0)
    slice_time = SliceTime()
    for _ in range(40):
        clock.now += SLICE_SECONDS / 10
        slice_time.is_over()
    assert next(looks) in (3, 4)


@pytest.mark.parametrize("wish", ["should_stop", "should_terminate"])
def test_a_slice_ends_for_a_worker_that_is_to_end(
    clock: Clock, asked: list[bool], monkeypatch: pytest.MonkeyPatch, wish: str
) -> None:
    slice_time = SliceTime()
    monkeypatch.setattr(state, wish, 0)
    clock.now += SLICE_SECONDS
    assert slice_time.is_over()


@pytest.mark.django_db
def test_a_slice_ends_for_the_memory_of_a_model_that_is_given_up(
    clock: Clock, asked: list[bool], tmp_path: Path, settings: Settings
) -> None:
    settings.MODELS_DIR, settings.DEVICE = tmp_path, "cpu"
    tiny_model(tmp_path / "a")
    registry.sync_models()
    runtime.load(registry.resolve("a"))
    before = SliceTime()
    runtime.unload("a")
    after = SliceTime()
    clock.now += SLICE_SECONDS
    assert before.is_over()
    assert not after.is_over()


def test_a_model_that_is_being_loaded_is_waited_for() -> None:
    begun, may_end = threading.Event(), threading.Event()

    def load() -> None:
        begun.set()
        may_end.wait(10)

    assert LOADING_QUEUE.is_idle
    LOADING_QUEUE.put("a-model", "a session", load)
    assert begun.wait(10)
    assert slices.others_wait()
    may_end.set()


@pytest.fixture
def queue() -> Any:
    """The tasks' queue of the broker inside the process, empty before and after."""
    with current_app.pool.acquire(block=True) as connection:
        channel, name = connection.default_channel, current_app.conf.task_default_queue
        channel.queue_declare(name)
        channel.queue_purge(name)
        yield connection
        channel.queue_purge(name)


def test_a_task_that_no_worker_has_taken_is_waited_for(queue: Any) -> None:
    assert not dispatch.tasks_wait()
    # By hand: sending a task would start the worker of this process, which takes it.
    queue.SimpleQueue(current_app.conf.task_default_queue).put({})
    assert dispatch.tasks_wait()


def test_a_broker_that_is_away_counts_as_full_and_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    away = Connection(f"redis://127.0.0.1:{unused_tcp_port}/0").Pool(1)
    monkeypatch.setattr(dispatch, "current_app", SimpleNamespace(pool=away))
    found: list[bool] = []
    asking = threading.Thread(target=lambda: found.append(dispatch.tasks_wait()), daemon=True)
    asking.start()
    asking.join(20)
    assert found == [True]
