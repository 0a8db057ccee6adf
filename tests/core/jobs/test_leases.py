"""Leases on their own: who gets a row, with which fence, until when."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError
from django.db.models.functions import Now
from pytest_django import Settings

from core.jobs import leases
from core.jobs.leases import Lease, LeaseLost
from core.jobs.models import CommandRow
from tests.core.errands.models import Count, Errand, ErrandCommand

pytestmark = pytest.mark.django_db


def ends_in(row: Any) -> float | None:
    """Seconds until the row's lease ends, by the database's clock."""
    found = type(row)._default_manager.annotate(now=Now()).get(pk=row.pk)
    return (found.lease_expires - found.now).total_seconds() if found.lease_expires else None


def ended(row: Any) -> None:
    type(row)._default_manager.filter(pk=row.pk).update(lease_expires=Now() - timedelta(seconds=1))


def taken(errand: Errand) -> Lease:
    lease = leases.take(Errand, errand.pk)
    assert lease is not None
    return lease


@pytest.fixture
def command(owner: User, errand: Errand) -> ErrandCommand:
    return ErrandCommand.objects.create(user=owner, request_id="one", type="fetch")


def test_a_lease_lasts_nine_seconds_and_nobody_else_gets_the_row(errand: Errand) -> None:
    lease = taken(errand)
    assert (lease.model, lease.row) == (Errand, errand.pk)
    assert ends_in(errand) == pytest.approx(9, abs=1)
    assert leases.take(Errand, errand.pk) is None


def test_each_taker_has_the_next_fence(errand: Errand) -> None:
    first = taken(errand)
    leases.release(first)
    second = taken(errand)
    ended(errand)
    assert [first.fence, second.fence, taken(errand).fence] == [1, 2, 3]


def test_a_row_that_is_gone_has_no_lease(errand: Errand) -> None:
    assert leases.take(Errand, errand.pk + 1) is None
    assert leases.take(Errand, errand.pk) is not None


def test_a_former_holder_is_refused_and_releases_nothing(errand: Errand) -> None:
    former = taken(errand)
    ended(errand)
    holder = taken(errand)
    with pytest.raises(LeaseLost, match=r"^fence 1 no longer holds$"):
        leases.check(former)
    leases.release(former)
    assert not former.held.exists()
    assert holder.held.get().pk == errand.pk
    assert leases.take(Errand, errand.pk) is None


def test_writing_lengthens_the_lease(errand: Errand) -> None:
    lease = taken(errand)
    ended(errand)  # late, but nobody has taken it since
    leases.check(lease)
    assert ends_in(errand) == pytest.approx(9, abs=1)


def test_what_a_former_holder_wrote_is_undone(errand: Errand) -> None:
    former = taken(errand)
    ended(errand)
    taken(errand)
    with pytest.raises(LeaseLost), leases.fenced(former):
        Errand.objects.update(things=["late"])
    with suppress(Failed), leases.fenced(None):
        Errand.objects.update(things=["half"])
        raise Failed
    errand.refresh_from_db()
    assert errand.things == []


def test_a_pending_command_is_taken_once_until_its_lease_ends(command: ErrandCommand) -> None:
    other = ErrandCommand.objects.create(user=command.user, request_id="two", type="fetch")
    assert leases.take_command(ErrandCommand, command.pk)
    assert ends_in(command) == pytest.approx(9, abs=1)
    assert not leases.take_command(ErrandCommand, command.pk)
    ended(command)
    assert leases.take_command(ErrandCommand, command.pk)
    attempts = ErrandCommand.objects.order_by("pk").values_list("attempts", flat=True)
    assert list(attempts) == [2, 0]
    assert ends_in(other) is None


@pytest.mark.parametrize("state", [CommandRow.State.DONE, CommandRow.State.FAILED])
def test_a_command_that_was_answered_is_not_taken(command: ErrandCommand, state: str) -> None:
    ErrandCommand.objects.update(state=state)
    assert leases.take_command(ErrandCommand, command.pk) is False


def test_a_fresh_start_ends_all_leases_and_counts_begun_commands_as_lost(
    errand: Errand, job: Count, command: ErrandCommand
) -> None:
    """A command without a lease has never begun: the reaper gives its task some patience."""
    waiting = ErrandCommand.objects.create(user=command.user, request_id="two", type="fetch")
    leases.take_command(ErrandCommand, command.pk)
    former, _ = taken(errand), leases.take(Count, job.pk)
    leases.void_all()
    assert [ends_in(row) for row in (errand, job, waiting)] == [None, None, None]
    assert (ends_in(command) or 0) == pytest.approx(-9, abs=1)
    assert taken(errand).fence == former.fence + 1


def test_work_may_take_a_load_and_twenty_steps(settings: Settings) -> None:
    settings.LOAD_TIMEOUT, settings.STEP_TIMEOUT = 300, 7
    assert leases.longest_work() == 300 + 20 * 7


class Failed(Exception):
    """The work came to nothing."""


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
    monkeypatch.setattr(leases, "close_old_connections", lambda: None)

    def run(held: Lease | CommandRow, waits: int) -> Clock:
        clock = Clock(waits)
        monkeypatch.setattr(leases, "time", clock)
        leases._renew(held, clock)  # type: ignore[arg-type]
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


def test_work_that_hangs_is_not_renewed_for_ever(
    errand: Errand, renew: Any, settings: Settings
) -> None:
    """With a limit of ten seconds the waits at 3, 6 and 9 renew; that at 12 ends it."""
    settings.LOAD_TIMEOUT, settings.STEP_TIMEOUT = 10, 0
    lease = taken(errand)
    assert len(renew(lease, waits=100).waited) == 4


def test_at_the_very_end_of_the_limit_it_is_over(
    errand: Errand, renew: Any, settings: Settings
) -> None:
    settings.LOAD_TIMEOUT, settings.STEP_TIMEOUT = 9, 0
    lease = taken(errand)
    assert len(renew(lease, waits=100).waited) == 3


def test_a_busy_database_is_logged_and_tried_again(
    errand: Errand, renew: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lease, rows, busy = taken(errand), leases._rows, iter([True])
    ended(errand)

    def rows_of(held: Any) -> Any:
        if next(busy, False):
            raise DatabaseError("locked")
        return rows(held)

    monkeypatch.setattr(leases, "_rows", rows_of)
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

    monkeypatch.setattr(leases, "_renew", renewing)
    lease = taken(errand)
    with suppress(Failed), leases.renewed(lease):
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

    monkeypatch.setattr(leases, "RENEW_SECONDS", 0.01)
    monkeypatch.setattr(leases, "_rows", lambda held: Rows())
    with leases.renewed(taken(errand)):
        assert asked.wait(10)
        monkeypatch.setattr(leases, "RENEW_SECONDS", 3.0)
    assert not [one for one in threading.enumerate() if one.name == "lease"]


def test_a_lease_that_is_lost_is_not_renewed_any_more(errand: Errand, renew: Any) -> None:
    former = taken(errand)
    ended(errand)
    taken(errand)
    assert len(renew(former, waits=9).waited) == 1
