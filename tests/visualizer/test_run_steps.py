"""Steps of several runs written together: each as if alone, and every fence counts for itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models.functions import Now

from core.jobs import leases
from core.jobs.leases import Lease, LeaseLost
from inference.errors import UnmaskError
from inference.models import StreamEvent
from visualizer.models import Command, Digest, Run, Session, Step
from visualizer.selectors import head_of, state_at
from visualizer.services.runs import start_run
from visualizer.worker import slices
from visualizer.worker.resume import RunProgress
from visualizer.worker.step_source import Made, source_of

pytestmark = pytest.mark.django_db
Item = tuple[RunProgress, Made]
PARAMETERS = {"steps": 8, "temperature": 0.0}


def held(session: Session) -> Lease:
    lease = leases.take(Session, session.pk)
    assert lease is not None
    return lease


def made(session: Session, lease: Lease) -> Item:
    """The next step of the session's run, computed and not written."""
    run = Run.objects.get(session=session)
    work = slices._progress(lease, session, run)
    step = source_of(work).make()
    assert step is not None
    return work, step


@pytest.fixture
def begun(begin: Callable[..., Session]) -> Callable[[], Session]:
    """A session with a run that nobody has worked on."""

    def make() -> Session:
        session = begin()
        found = Session.objects.select_related("model__vocabulary", "head_branch")
        session = found.get(pk=session.pk)
        start_run(
            session=session,
            ref=head_of(session),
            recipe="llada/low_confidence",
            parameters=PARAMETERS,
        )
        return session

    return make


def told(session: Session) -> list[tuple[str, Any]]:
    """Events of the steps, without what differs from run to run."""
    rows = StreamEvent.objects.filter(stream=session.stream, type__in=["forward", "step", "head"])
    found = [(row.type, row.payload.get("number")) for row in rows.order_by("number")]
    return [one for one in found if one != ("head", 0)]  # that of the session's beginning


def test_steps_written_together_are_those_written_alone(begun: Callable[[], Session]) -> None:
    alone, one, other = begun(), begun(), begun()
    slices._write_all([made(alone, held(alone))])
    slices._write_all([made(one, held(one)), made(other, held(other))])
    assert told(alone) == [("forward", 0), ("step", 1), ("head", 1)]
    for session in (one, other):
        session.refresh_from_db()
        assert head_of(session).number == 1
        assert state_at(session).tokens == state_at(alone).tokens
        assert told(session) == told(alone)
        step = Step.objects.get(branch__session=session)
        assert step.operations == Step.objects.get(branch__session=alone).operations
        assert Digest.objects.filter(branch__session=session).count() == 1


def test_a_lost_fence_is_refused_beside_the_session_s_new_one(begun: Callable[[], Session]) -> None:
    """Both holders may be threads of one process: the former one hung and came back."""
    session = begun()
    late = made(session, held(session))
    Session.objects.filter(pk=session.pk).update(lease_expires=Now() - timedelta(seconds=1))
    now = made(session, held(session))
    for together in ([late, now], [now, late], [late]):
        with pytest.raises(LeaseLost):
            slices._write_all(together)
        assert not Step.objects.exists()
    slices._write_all([now])
    assert told(session) == [("forward", 0), ("step", 1), ("head", 1)]


def test_nothing_is_written_if_one_of_them_cannot_be(begun: Callable[[], Session]) -> None:
    one, other = begun(), begun()
    items = [made(one, held(one)), made(other, held(other))]
    Step.objects.create(branch=other.head_branch, number=1, operations=[], recipe="hand")
    with pytest.raises(UnmaskError, match="Step 1 has been made meanwhile"):
        slices._write_all(items)
    assert told(one) == told(other) == []
    assert not Digest.objects.exists()
    slices._write_all(items[:1])
    assert told(one) == [("forward", 0), ("step", 1), ("head", 1)]


def test_each_hears_of_its_own_stop_and_its_own_command(
    begun: Callable[[], Session], owner: User
) -> None:
    sessions = [begun() for _ in range(3)]
    items = [made(session, held(session)) for session in sessions]
    Run.objects.filter(session=sessions[1]).update(stop_requested=True)
    Command.objects.create(user=owner, session=sessions[2], type="pause")
    slices._write_all(items)
    assert [work.stop_asked for work, _ in items] == [False, True, False]
    assert [work.command_waits for work, _ in items] == [False, False, True]


def test_a_run_that_has_gone_is_told_from_a_lost_fence(begun: Callable[[], Session]) -> None:
    one, other = begun(), begun()
    items = [made(one, held(one)), made(other, held(other))]
    Run.objects.filter(session=other).delete()
    with pytest.raises(Run.DoesNotExist):
        slices._write_all(items)
    assert told(one) == []


def test_a_memory_changed_in_place_is_kept(begun: Callable[[], Session]) -> None:
    """What a recipe keeps in lists of its memory may be the very lists of the step before."""
    session = begun()
    work, step = made(session, held(session))
    memory: dict[str, Any] = {"seen": []}
    work.run.carry, work.run.attempts = memory, 0
    memory["seen"].append(7)
    step.result.carry.update(memory)
    slices._write_all([(work, step)])
    assert Run.objects.get(session=session).carry["seen"] == [7]
