"""Leases on their own: who gets a row, with which fence, until when."""

from __future__ import annotations

from contextlib import suppress

import pytest
from django.contrib.auth.models import User

from core.jobs import leases
from core.jobs.leases import LeaseLost
from core.jobs.models import CommandRow
from tests.core.errands.models import Count, Errand, ErrandCommand
from tests.core.jobs.held import Failed, ended, ends_in, taken

pytestmark = pytest.mark.django_db


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
