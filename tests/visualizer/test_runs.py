"""Runs: slices under a lease, events for every step, the same tokens whatever happens."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models.functions import Now

from core.jobs import leases, reaper
from core.jobs.leases import LeaseLost
from core.worker.slices import SliceTime
from inference import runtime
from inference.engine import digest
from inference.engine.decoding import loop
from inference.models import StreamEvent
from inference.runtime.forwards import ENGINE
from tests.slices import short_slices
from tests.visualizer.working import work_off
from visualizer.models import Digest, Run, Session, Step
from visualizer.selectors import head_of, state_at
from visualizer.worker import slices, tasks
from visualizer.worker.resume import RunProgress

pytestmark = pytest.mark.django_db
Begin = Callable[..., Session]


def types(session: Session) -> list[str]:
    return [row.type for row in StreamEvent.objects.filter(stream=session.stream)]


def tokens(session: Session) -> list[int]:
    return state_at(session).tokens


@pytest.mark.parametrize("recipe", ["fastdllm/threshold", "entropy_bound", "wino"])
def test_recipes_with_a_pace_of_their_own_are_not_asked_for_another(
    play: Any, owner: User, session: Session, recipe: str
) -> None:
    refused = play(owner, session, type="run", recipe=recipe, tokens_per_step=2)
    assert (refused["error_type"], refused["field"]) == ("validation", "tokens_per_step")
    assert not Run.objects.exists()
    assert play(owner, session, type="run", recipe=recipe)["type"] == "run_changed"


def test_a_run_fills_the_canvas_step_by_step(
    play: Any, owner: User, begin: Begin, sent: list[Any]
) -> None:
    session = begin()
    reply = play(owner, session, type="run", recipe="rank/high_confidence", tokens_per_step=2)
    assert reply["type"] == "run_changed"
    work_off(session, sent)
    assert Run.objects.get().status == "done"
    assert state_at(session).is_complete
    steps = list(Step.objects.order_by("number"))
    assert [step.number for step in steps] == [1, 2, 3, 4]
    assert all(len(step.operations) == 2 for step in steps)
    assert head_of(session).number == 4
    assert types(session).count("step") == 4
    assert types(session).count("forward") == 4
    assert Digest.objects.count() == 4
    assert [row.payload["status"] for row in StreamEvent.objects.filter(type="run")] == [
        "queued", "running", "done",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "recipe", ["llada/low_confidence", "llada/random", "rank/random", "dream/entropy", "klass"]
)
def test_slices_make_the_same_tokens_as_one_go(
    play: Any,
    owner: User,
    begin: Begin,
    sent: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    recipe: str,
) -> None:
    from inference.catalog import RECIPES

    if recipe not in RECIPES:
        pytest.fail(f"{recipe} is not in the catalogue")
    whole, sliced = begin(), begin()
    play(owner, whole, type="run", recipe=recipe)
    work_off(whole, sent)
    short_slices(monkeypatch)
    play(owner, sliced, type="run", recipe=recipe)
    sent.append((Session.TASK, str(sliced.pk)))
    work_off(sliced, sent)
    assert Run.objects.filter(status="done").count() == 2
    assert tokens(sliced) == tokens(whole)


@pytest.mark.parametrize("end", [slices.PAUSE, slices.LATE])
@pytest.mark.parametrize("recipe", ["rank/random", "klass", "wino"])
def test_steps_that_were_ready_when_a_slice_ended_are_neither_lost_nor_doubled(
    play: Any,
    owner: User,
    begin: Begin,
    sent: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    recipe: str,
    end: str,
) -> None:
    whole, broken = begin(), begin()
    play(owner, whole, type="run", recipe=recipe)
    work_off(whole, sent)
    due, asked = slices._due, Counter[SliceTime]()

    def soon(work: RunProgress, slice_time: SliceTime) -> str | None:
        """From the third step of each slice on it is to end."""
        time.sleep(0.03)  # so that some are ready
        asked[slice_time] += 1
        return due(work, slice_time) or (end if asked[slice_time] > 2 else None)

    monkeypatch.setattr(slices, "_due", soon)
    play(owner, broken, type="run", recipe=recipe)
    work_off(broken, [(Session.TASK, str(broken.pk))] * 9)
    assert set(Run.objects.values_list("status", flat=True)) == {"done"}
    assert tokens(broken) == tokens(whole)
    steps = [
        list(Step.objects.filter(branch__session=session).values_list("number", "operations"))
        for session in (whole, broken)
    ]
    assert steps[0] == steps[1]


def test_a_run_computes_on_the_engine_s_thread(
    play: Any, owner: User, begin: Begin, sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forwards, decisions and digests: one thread, one OpenMP team."""
    ENGINE.queue._present.clear()  # threads of tests before this one are no company
    threads: list[str] = []

    def seen(work: Any) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            threads.append(threading.current_thread().name)
            return work(*arguments, **named)

        return call

    for place, name in ((digest, "reduce"), (loop, "decide"), (runtime, "forward")):
        monkeypatch.setattr(place, name, seen(getattr(place, name)))
    play(owner, begin(), type="run", recipe="rank/low_entropy")
    assert len(threads) == 3 * Step.objects.count()
    assert set(threads) == {"engine"}


def test_a_run_that_was_abandoned_goes_on_with_the_same_tokens(
    play: Any, owner: User, begin: Begin, sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, broken = begin(), begin()
    play(owner, whole, type="run", recipe="rank/random")
    work_off(whole, sent)

    class Dead(LeaseLost):
        """From here on this worker writes nothing any more."""

    stored = slices._store
    count = iter(range(100))

    def dying(*arguments: Any) -> None:
        if next(count) == 3:
            raise Dead
        stored(*arguments)

    def no_release(lease: Any) -> None:
        """The dead release nothing."""

    with monkeypatch.context() as patch:
        patch.setattr(slices, "_store", dying)
        patch.setattr(leases, "release", no_release)
        play(owner, broken, type="run", recipe="rank/random")
    sent.clear()
    assert Step.objects.filter(branch__session=broken).count() == 3
    assert reaper.abandoned_rows(Session) == []  # the lease is still held
    tasks.advance_session(broken.pk)
    assert Step.objects.filter(branch__session=broken).count() == 3
    Session.objects.filter(pk=broken.pk).update(lease_expires=Now() - timedelta(seconds=1))
    reaper.reap()
    assert (Session.TASK, str(broken.pk)) in sent
    work_off(broken, sent)
    assert tokens(broken) == tokens(whole)
    numbers = Step.objects.filter(branch__session=broken).values_list("number", flat=True)
    assert list(numbers) == list(range(1, 9))


def test_stop_ends_a_run_after_the_step_in_the_making(
    play: Any, owner: User, begin: Begin, sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = begin()
    short_slices(monkeypatch)
    play(owner, session, type="run", recipe="rank/low_entropy")
    assert Step.objects.count() == 1
    reply = play(owner, session, type="stop")
    assert reply["run"]["status"] == "running"
    work_off(session, [(Session.TASK, str(session.pk))])
    assert Run.objects.get().status == "stopped"
    assert Step.objects.count() == 1
    assert play(owner, session, type="stop")["error_type"] == "conflict"


def test_putting_a_session_away_stops_its_run(
    play: Any, owner: User, begin: Begin, sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = begin()
    short_slices(monkeypatch)
    play(owner, session, type="run", recipe="rank/low_entropy")
    play(owner, session, type="delete_session")
    work_off(session, [(Session.TASK, str(session.pk))])
    assert Run.objects.get().status == "stopped"


def test_max_steps_and_a_second_run(play: Any, owner: User, begin: Begin, sent: list[Any]) -> None:
    session = begin()
    for expected in (3, 6):
        play(owner, session, type="run", recipe="rank/low_entropy", max_steps=3)
        work_off(session, sent)
        assert Step.objects.count() == expected
    assert set(Run.objects.values_list("status", flat=True)) == {"done"}


def test_a_run_from_an_older_step_makes_a_branch(
    play: Any, owner: User, begin: Begin, sent: list[Any]
) -> None:
    session = begin()
    play(owner, session, type="run", recipe="rank/low_entropy", max_steps=3)
    work_off(session, sent)
    main = head_of(session).branch
    play(owner, session, type="rewind", step=1)
    play(owner, session, type="run", recipe="rank/high_entropy", max_steps=2)
    work_off(session, sent)
    assert head_of(session).branch != main
    assert head_of(session).number == 3
    assert Step.objects.filter(branch=main).count() == 3


def test_who_looks_elsewhere_is_not_moved(
    play: Any, owner: User, begin: Begin, sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = begin()
    short_slices(monkeypatch)
    play(owner, session, type="run", recipe="rank/low_entropy")
    play(owner, session, type="rewind", step=0)
    work_off(session, [(Session.TASK, str(session.pk))] * 3)
    assert head_of(session).number == 0
    assert Step.objects.count() > 1


def test_a_failing_run_ends_and_the_session_lives_on(
    play: Any, owner: User, begin: Begin, sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = begin()

    def broken(model: Any, requests: Any) -> Any:
        raise RuntimeError("secret detail")

    with monkeypatch.context() as patch:
        patch.setattr("inference.runtime.forward", broken)
        play(owner, session, type="run")
        work_off(session, sent)
    run = Run.objects.get()
    assert run.status == "failed"
    assert run.error["type"] == "error"
    assert "secret" not in str(run.error)
    assert play(owner, session, type="forward_pass")["type"] == "forward_pass_result"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"recipe": "nobody/knows"}, "recipe"),
        ({"parameters": {"threshold": 2.0}}, "threshold"),
        ({"parameters": {"nonsense": 1}}, "nonsense"),
        ({"parameters": {"steps": True}}, "steps"),
    ],
)
def test_run_names_what_does_not_fit(
    play: Any, owner: User, begin: Begin, fields: dict[str, Any], field: str
) -> None:
    session = begin()
    reply = play(owner, session, type="run", **fields)
    assert reply["field"] == field
    assert not Run.objects.exists()
