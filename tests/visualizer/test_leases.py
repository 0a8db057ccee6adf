"""How long a lease is kept: until the work is done, though not for ever."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from pytest_django import Settings

from core.jobs import leases, renewals
from tests.visualizer.working import work_off
from visualizer.models import Run, Session
from visualizer.worker import slices

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """A lease of a second and a half, renewed fifteen times in it: a machine may stand still."""
    monkeypatch.setattr(leases, "LEASE", timedelta(seconds=1.5))
    monkeypatch.setattr(renewals, "RENEW_SECONDS", 0.1)
    monkeypatch.setattr(renewals, "LOOK_SECONDS", 0.1)
    settings.LOAD_TIMEOUT = 0


def taken_over(session: Session, seconds: float) -> bool:
    """Whether somebody else gets the lease while a step takes this long."""
    lease = leases.take(Session, session.pk)
    assert lease is not None
    with renewals.renewed(lease):
        time.sleep(seconds)
        return leases.take(Session, session.pk) is not None


@pytest.mark.parametrize(("step_timeout", "lost"), [(0.01, True), (60, False)])
def test_a_lease_is_kept_as_long_as_the_settings_let_a_step_take(
    session: Session, settings: Settings, step_timeout: float, lost: bool
) -> None:
    settings.STEP_TIMEOUT = step_timeout
    assert taken_over(session, 0.2 + 2.5) is lost


def test_the_patience_follows_the_settings(settings: Settings) -> None:
    """A step may be made of several forwards, wait for others and load its model first."""
    settings.STEP_TIMEOUT, settings.LOAD_TIMEOUT = 1000, 300
    assert renewals.longest_work() >= 5 * 1000 + 300


def test_a_renewal_that_fails_is_tried_again(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, failures = renewals._rows, iter([True, True])

    def busy(held: Any) -> Any:
        if next(failures, False):
            raise OperationalError("database is locked")
        return rows(held)

    monkeypatch.setattr(renewals, "_rows", busy)
    assert not taken_over(session, 2.5)


def test_a_slow_first_load_of_a_run_keeps_the_lease(
    play: Any, owner: User, begin: Any, sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    session, results, seen = begin(), slices.source_of, []

    def slow(*given: Any) -> Any:
        time.sleep(2.5)
        seen.append(leases.take(Session, session.pk))
        return results(*given)

    monkeypatch.setattr(slices, "source_of", slow)
    play(owner, session, type="run", recipe="rank/low_entropy")
    assert seen == [None]
    monkeypatch.setattr(slices, "source_of", results)
    work_off(session, sent)  # what the slice had no time for
    assert Run.objects.get().status == "done"
