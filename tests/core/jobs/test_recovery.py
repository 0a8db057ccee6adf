"""What happens to commands and jobs of any app when workers die, come late, or come twice."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db.models.functions import Now

from core.commands.submit import submit
from core.jobs import leases, reaper
from core.jobs.leases import LeaseLost, command_models, leased_models
from core.jobs.models import CommandRow, Leased
from core.worker import executor
from inference.errors import UnmaskError
from inference.events import events_after
from inference.models import Stream, StreamEvent
from tests.core.errands.commands import TABLE
from tests.core.errands.models import Count, Errand, ErrandCommand
from tests.core.errands.working import advance_errand, count

pytestmark = pytest.mark.django_db


def ask(user: User, errand: Errand, type: str, thing: str, **more: Any) -> CommandRow:
    message = {"type": type, "thing": thing, **more}
    return submit(TABLE, user=user, channel="api", message=message, target=errand)


def things(errand: Errand) -> list[str]:
    errand.refresh_from_db()
    return list(errand.things)


def expire(row: Leased) -> None:
    type(row)._default_manager.filter(pk=row.pk).update(lease_expires=Now() - timedelta(seconds=1))


class Dead(LeaseLost):
    """From here on this worker writes nothing any more."""


def die() -> None:
    raise Dead


def test_commands_are_carried_out_once_and_in_order(
    owner: User, errand: Errand, sent: list[Any]
) -> None:
    for thing in ("milk", "bread"):
        ask(owner, errand, "fetch", thing, request_id=thing)
    ask(owner, errand, "fetch", "milk", request_id="milk")
    advance_errand(errand.pk)
    advance_errand(errand.pk)
    assert things(errand) == ["milk", "bread"]
    assert [event.number for event in events_after(errand.stream_id, 0)] == [1, 2]


def test_the_web_side_answers_at_once(owner: User, errand: Errand) -> None:
    command = ask(owner, errand, "note", "milk")
    assert json.loads(command.reply) == {"type": "noted", "things": ["milk"]}


def test_a_name_stands_for_one_command(owner: User, errand: Errand, sent: list[Any]) -> None:
    ask(owner, errand, "note", "milk", request_id="a")
    with pytest.raises(UnmaskError) as refused:
        ask(owner, errand, "note", "bread", request_id="a")
    assert refused.value.error_type == "conflict"


def test_strangers_find_nothing(owner: User, friend: User, stranger: User, errand: Errand) -> None:
    for user in (friend, stranger):
        with pytest.raises(UnmaskError) as refused:
            ask(user, errand, "note", "milk")
        assert refused.value.error_type == "not_found"
    assert things(errand) == []


def test_a_worker_that_dies_leaves_the_command_to_the_next(
    owner: User, errand: Errand, sent: list[Any], meanwhile: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(owner, errand, "fetch", "milk")
    meanwhile(die)
    with monkeypatch.context() as patch:
        patch.setattr(leases, "release", lambda lease: None)
        patch.setattr(executor, "engine_errors", _nothing)
        advance_errand(errand.pk)
    advance_errand(errand.pk)
    assert things(errand) == []  # the dead one's lease is still held
    expire(errand)
    ErrandCommand.objects.update(created=Now() - timedelta(minutes=1))
    sent.clear()
    reaper.reap()
    assert (Errand.TASK, str(errand.pk)) in sent
    advance_errand(errand.pk)
    assert things(errand) == ["milk"]


class _nothing:
    def __enter__(self) -> None: ...
    def __exit__(self, *_: object) -> None: ...


def test_whoever_comes_back_late_writes_nothing(
    owner: User, errand: Errand, sent: list[Any], meanwhile: Any
) -> None:
    ask(owner, errand, "fetch", "milk")

    def overtaken() -> None:
        expire(errand)
        advance_errand(errand.pk)

    meanwhile(overtaken)
    advance_errand(errand.pk)
    assert things(errand) == ["milk"]


def test_a_command_that_ends_its_worker_again_and_again_is_void(
    owner: User, errand: Errand, sent: list[Any]
) -> None:
    command = ask(owner, errand, "fetch", "milk")
    ErrandCommand.objects.update(attempts=executor.ATTEMPTS)
    advance_errand(errand.pk)
    command.refresh_from_db()
    assert json.loads(command.reply)["error_type"] == "generation"


@pytest.mark.parametrize("raised", [SystemExit(1), KeyboardInterrupt(), RuntimeError("inside")])
def test_whatever_a_handler_raises_is_its_answer(
    owner: User, errand: Errand, sent: list[Any], meanwhile: Any, raised: BaseException
) -> None:
    """An exit that escaped would leave the thread deaf and the command unanswered."""
    command, later = ask(owner, errand, "fetch", "milk"), ask(owner, errand, "fetch", "bread")

    def fail() -> None:
        raise raised

    meanwhile(fail)
    advance_errand(errand.pk)
    command.refresh_from_db()
    assert json.loads(command.reply)["error_type"] == "generation"
    assert "inside" not in command.reply
    assert things(errand) == ["bread"]
    later.refresh_from_db()
    assert later.state == "done"


def test_a_job_is_worked_in_slices(job: Count, sent: list[Any]) -> None:
    count(job.pk)
    assert sent == [(Count.TASK, str(job.pk))]
    for _ in range(4):
        count(job.pk)
    job.refresh_from_db()
    assert (job.partial, job.status) == ([1, 2, 3], "done")
    assert [event.payload["number"] for event in events_after(job.stream_id, 0)] == [1, 2, 3]


def test_a_slice_that_dies_is_made_again(
    job: Count, sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    count(job.pk)
    with monkeypatch.context() as patch:
        patch.setattr(leases, "release", lambda lease: None)
        count(job.pk, die)
    count(job.pk)
    job.refresh_from_db()
    assert job.partial == [1]
    expire(job)
    sent.clear()
    assert reaper.reap() == 1
    for _ in range(3):
        count(job.pk)
    job.refresh_from_db()
    assert (job.partial, job.status) == ([1, 2, 3], "done")


def test_two_deliveries_of_a_slice_make_one(job: Count, sent: list[Any]) -> None:
    count(job.pk, lambda: count(job.pk))
    job.refresh_from_db()
    assert job.partial == [1]


@pytest.mark.parametrize(
    "raised", [SystemExit(), ValueError("inside"), UnmaskError("conflict", "No.")]
)
def test_a_failure_ends_the_job_in_the_one_shape(
    job: Count, sent: list[Any], raised: BaseException
) -> None:
    def fail() -> None:
        raise raised

    count(job.pk, fail)
    job.refresh_from_db()
    assert job.status == "failed"
    assert {"message", "error_type", "retryable", "correlation_id"} <= job.error.keys()
    assert "inside" not in json.dumps(job.error)


def test_a_job_that_ends_its_worker_again_and_again_is_given_up(
    job: Count, sent: list[Any]
) -> None:
    Count.objects.update(attempts=executor.ATTEMPTS)
    count(job.pk)
    job.refresh_from_db()
    assert job.status == "failed"


def test_a_cancelled_job_ends(job: Count, sent: list[Any]) -> None:
    count(job.pk)
    Count.objects.update(cancel_requested=True)
    count(job.pk)
    job.refresh_from_db()
    assert (job.partial, job.status) == ([1], "cancelled")


def test_the_reaper_forgets_no_table() -> None:
    """Whatever is leased says which task works it and which rows have work."""
    assert {Errand, Count} < set(leased_models())
    assert ErrandCommand in command_models()
    for model in leased_models():
        assert model.TASK.startswith(f"{model._meta.app_label}.")
        assert model.with_work().model is model
        assert list(model.with_work(reaper.PATIENCE)) == []
    for commands in command_models():
        assert commands._meta.get_field(commands.TARGET).null
        assert commands.TASK


def test_every_stream_says_how_long_its_events_are_kept() -> None:
    for model in apps.get_models():
        if any(field.related_model is Stream for field in model._meta.concrete_fields):
            assert model is StreamEvent or timedelta(minutes=1) < model.EVENTS_KEPT


def test_old_events_are_pruned_by_kind_of_stream(
    owner: User, errand: Errand, job: Count, sent: list[Any]
) -> None:
    for thing in ("milk", "bread"):
        ask(owner, errand, "note", thing)
    count(job.pk)
    StreamEvent.objects.filter(stream=errand.stream, number=1).update(
        created=Now() - Errand.EVENTS_KEPT - timedelta(seconds=1)
    )
    StreamEvent.objects.filter(stream=job.stream).update(
        created=Now() - Errand.EVENTS_KEPT - timedelta(seconds=1)
    )
    assert reaper.prune_events() == 1
    assert [event.number for event in events_after(errand.stream_id, 0)] == [2]
    assert len(events_after(job.stream_id, 0)) == 1
