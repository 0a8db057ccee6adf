"""Runs that stay in memory between two slices do not stay there for ever."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User

from core.worker import executor, tasks
from inference.engine.canvas import Canvas
from inference.runtime.suspended import SUSPENDED
from inference.worker import timers
from tests.slices import short_slices
from tests.visualizer.fakes import FakeModel
from tests.visualizer.working import work_off
from visualizer.models import Run, Session
from visualizer.worker import resume

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    SUSPENDED._kept.clear()
    yield
    SUSPENDED._kept.clear()


def put(run_id: int) -> None:
    model: Any = FakeModel()
    value = resume.Suspended(1, Canvas.start([1], 2, 9), iter(()))
    SUSPENDED.put(("run", run_id), model, value, 100)


def test_an_idle_worker_lets_go_of_old_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    put(1)
    tasks.let_go()
    assert list(SUSPENDED._kept) == [("run", 1)]
    monkeypatch.setattr(SUSPENDED, "seconds", -1.0)
    tasks.let_go()
    assert not len(SUSPENDED)
    assert any(name.endswith("tasks.let_go") for name in timers._TIMERS)


@pytest.fixture
def paused(
    play: Any, owner: User, begin: Any, sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> Session:
    """A session whose run waits for its next slice, in this worker's memory."""
    short_slices(monkeypatch)
    session: Session = begin()
    play(owner, session, type="run", recipe="rank/low_entropy")
    put(Run.objects.get().pk)
    return session


@pytest.mark.parametrize("message", ["stop", "delete_session"])
def test_a_stopped_run_leaves_nothing_behind(
    play: Any, owner: User, paused: Session, message: str
) -> None:
    play(owner, paused, type=message)
    work_off(paused, [(Session.TASK, str(paused.pk))])
    assert Run.objects.get().status == "stopped"
    assert not len(SUSPENDED)


def test_a_run_that_is_given_up_leaves_nothing_behind(paused: Session) -> None:
    Run.objects.update(attempts=executor.ATTEMPTS)
    work_off(paused, [(Session.TASK, str(paused.pk))])
    assert Run.objects.get().status == "failed"
    assert not len(SUSPENDED)
