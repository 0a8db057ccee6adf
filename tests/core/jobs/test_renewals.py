"""Renewals: leases that work keeps which takes longer than they last."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError
from pytest_django import Settings

from core.jobs import renewals
from core.jobs.leases import Lease
from core.jobs.models import CommandRow
from tests.core.errands.models import Errand, ErrandCommand
from tests.core.jobs.held import Failed, ended, ends_in, taken
from tests.servers import wait_for

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renewals, "LOOK_SECONDS", 0.05)


@pytest.fixture
def command(owner: User, errand: Errand) -> ErrandCommand:
    return ErrandCommand.objects.create(user=owner, request_id="one", type="fetch")


def test_work_may_take_a_load_and_twenty_steps(settings: Settings) -> None:
    settings.LOAD_TIMEOUT, settings.STEP_TIMEOUT = 300, 7
    assert renewals.longest_work() == 300 + 20 * 7


class Clock:
    """An event and a monotonic clock; each wait takes as long as it is asked to."""

    def __init__(self, waits: int) -> None:
        self.now, self.left, self.waited = 1000.0, waits, list[float]()

    def wait(self, seconds: float) -> bool:
        self.waited.append(seconds)
        self.now, self.left = self.now + seconds, self.left - 1
        return self.left < 0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def renew(monkeypatch: pytest.MonkeyPatch) -> Any:
    """renew(held, waits=…) → the clock, after the renewing thread's work in this thread."""
    monkeypatch.setattr(renewals, "close_old_connections", lambda: None)

    def run(held: Lease | CommandRow, waits: int) -> Clock:
        clock = Clock(waits)
        monkeypatch.setattr(renewals, "time", clock)
        renewals._renew(held, clock)  # type: ignore[arg-type]
        return clock

    return run


def test_a_lease_is_renewed_every_three_seconds(errand: Errand, renew: Any) -> None:
    lease = taken(errand)
    ended(errand)
    assert renew(lease, waits=2).waited == [3.0, 3.0, 3.0]
    assert ends_in(errand) == pytest.approx(9, abs=1)


def test_a_renewal_touches_no_lease_of_somebody_else(errand: Errand, renew: Any) -> None:
    former = taken(errand)
    ended(errand)
    taken(errand)
    ended(errand)
    renew(former, waits=1)
    assert (ends_in(errand) or 0) < 0


def test_a_command_is_renewed_alone(command: ErrandCommand, renew: Any) -> None:
    other = ErrandCommand.objects.create(user=command.user, request_id="two", type="fetch")
    renew(command, waits=1)
    assert ends_in(command) == pytest.approx(9, abs=1)
    assert ends_in(other) is None


@pytest.mark.parametrize(("limit", "waits"), [(10, 4), (9, 3)], ids=["beyond", "at its end"])
def test_work_that_hangs_is_not_renewed_for_ever(
    limit: int, waits: int, errand: Errand, renew: Any, settings: Settings
) -> None:
    """With a limit of ten seconds the waits at 3, 6 and 9 renew; that at 12 ends it."""
    settings.LOAD_TIMEOUT, settings.STEP_TIMEOUT = limit, 0
    lease = taken(errand)
    assert len(renew(lease, waits=100).waited) == waits


def test_a_busy_database_is_logged_and_tried_again(
    errand: Errand, renew: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lease, rows, busy = taken(errand), renewals._rows, iter([True])
    ended(errand)

    def rows_of(held: Any) -> Any:
        if next(busy, False):
            raise DatabaseError("locked")
        return rows(held)

    monkeypatch.setattr(renewals, "_rows", rows_of)
    renew(lease, waits=2)
    assert ends_in(errand) == pytest.approx(9, abs=1)
    assert [(r.getMessage(), bool(r.exc_info)) for r in caplog.records] == [
        ("a lease could not be renewed", True)
    ]


def test_the_thread_that_renews_ends_with_the_work(
    errand: Errand, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, over = threading.Event(), threading.Event()
    seen: list[tuple[Any, bool]] = []

    def renewing(held: Any, done: threading.Event) -> None:
        seen.append((held, threading.current_thread().daemon))
        began.set()
        if done.wait(10):
            over.set()

    monkeypatch.setattr(renewals, "_renew", renewing)
    lease = taken(errand)
    with suppress(Failed), renewals.renewed(lease):
        assert began.wait(10)
        raise Failed
    assert over.wait(10)
    assert seen == [(lease, True)]


def test_no_thread_that_renews_outlives_the_work(
    errand: Errand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that is at the database just then."""
    asked = threading.Event()

    class Rows:
        def update(self, **_: Any) -> int:
            asked.set()
            time.sleep(0.2)
            return 1

    monkeypatch.setattr(renewals, "RENEW_SECONDS", 0.01)
    monkeypatch.setattr(renewals, "_rows", lambda held: Rows())
    with renewals.renewed(taken(errand)):
        assert asked.wait(10)
        monkeypatch.setattr(renewals, "RENEW_SECONDS", 3.0)
    assert not [one for one in threading.enumerate() if one.name == "lease"]


def test_a_lease_that_is_lost_is_not_renewed_any_more(errand: Errand, renew: Any) -> None:
    former = taken(errand)
    ended(errand)
    taken(errand)
    assert len(renew(former, waits=9).waited) == 1


def test_work_that_is_over_soon_has_no_thread_of_its_own(
    errand: Errand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even the watch is begun anew for each."""
    monkeypatch.setattr(renewals, "LOOK_SECONDS", 30.0)
    monkeypatch.setattr(renewals, "_WATCH", renewals._Watch())
    began, start = list[str](), threading.Thread.start
    told = lambda thread: (began.append(thread.name), start(thread))  # noqa: E731
    monkeypatch.setattr(threading.Thread, "start", told)
    lease = taken(errand)
    for _ in range(20):
        with renewals.renewed(lease):
            pass
    assert began == ["leases"]


def test_the_watch_comes_back_after_it_found_nothing(
    errand: Errand, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = threading.Event()
    monkeypatch.setattr(renewals, "_renew", lambda held, done: asked.set())
    watch = renewals._Watch()
    monkeypatch.setattr(renewals, "_WATCH", watch)
    lease = taken(errand)
    with renewals.renewed(lease):
        pass
    wait_for(lambda: not watch._looks, "the watch's end")
    with renewals.renewed(lease):
        assert asked.wait(10)


def test_a_machine_without_room_for_a_thread_renews_a_little_later(
    errand: Errand, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked, start, refused = threading.Event(), threading.Thread.start, iter([True])

    def scarce(thread: threading.Thread) -> None:
        if thread.name == "lease" and next(refused, False):
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", scarce)
    monkeypatch.setattr(renewals, "_renew", lambda held, done: asked.set())
    monkeypatch.setattr(renewals, "_WATCH", renewals._Watch())
    with renewals.renewed(taken(errand)):
        assert asked.wait(10)
    assert [one.getMessage() for one in caplog.records] == ["a lease could not be renewed"]
