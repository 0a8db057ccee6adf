"""Leases, fences, repeats, order, the reaper."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from core.commands.submit import submit
from core.jobs import leases, reaper
from core.jobs.leases import LeaseLost, fenced
from core.worker import executor
from core.worker.executor import carry_out
from inference.errors import UnmaskError
from tests.visualizer.fakes import FakeRuntime
from visualizer.commands import COMMANDS
from visualizer.models import Command, Session, Step
from visualizer.selectors import head_of
from visualizer.services.steps import NewStep, append_step
from visualizer.worker import tasks

pytestmark = pytest.mark.django_db


def expire(session: Session) -> None:
    Session.objects.filter(pk=session.pk).update(lease_expires=Now() - timedelta(seconds=1))


def test_a_repeat_is_answered_and_not_redone(play: Any, owner: User, session: Session) -> None:
    first = play(owner, session, type="apply_selection", selections={"4": 5}, request_id="r1")
    second = play(owner, session, type="apply_selection", selections={"4": 5}, request_id="r1")
    assert first == second
    assert first["request_id"] == "r1"
    assert Step.objects.count() == 1
    for other in (
        {"type": "forward_pass"},
        {"type": "apply_selection", "selections": {"4": 6}},
    ):
        with pytest.raises(UnmaskError) as refused:
            play(owner, session, request_id="r1", **other)
        assert refused.value.field == "request_id"


def test_commands_are_carried_out_in_order(
    owner: User, session: Session, play: Any, sent: list[Any]
) -> None:
    messages: list[dict[str, Any]] = [
        {"type": "forward_pass"},
        {"type": "auto_select", "tokens_to_select": 2},
        {"type": "apply_selection", "selections": {"9": 4}},
        {"type": "forward_pass"},
    ]
    commands = [
        submit(COMMANDS, user=owner, channel="api", message=message, target=session)
        for message in messages
    ]
    tasks.advance_session(str(session.pk))
    replies = [json.loads(Command.objects.get(pk=command.pk).reply) for command in commands]
    assert [reply["type"] for reply in replies] == [
        "forward_pass_result", "state_update", "state_update", "forward_pass_result",
    ]  # fmt: skip
    assert replies[3]["step"] == 1


def test_only_one_holds_the_lease_and_fences_rise(session: Session) -> None:
    first = leases.take(Session, session.pk)
    assert first is not None
    assert leases.take(Session, session.pk) is None
    leases.release(first)
    second = leases.take(Session, session.pk)
    assert second is not None
    assert second.fence == first.fence + 1


def test_a_stale_worker_s_writing_is_refused(
    play: Any, owner: User, session: Session, runtime: FakeRuntime, sent: list[Any]
) -> None:
    command = submit(
        COMMANDS, user=owner, channel="api", message={"type": "forward_pass"}, target=session
    )

    def overtaken() -> None:
        """While the first worker computes, its lease runs out and another one takes over."""
        runtime.before_logits = lambda: None
        expire(session)
        tasks.advance_session(str(session.pk))

    runtime.before_logits = overtaken
    lease = leases.take(Session, session.pk)
    assert lease is not None
    with pytest.raises(LeaseLost):
        carry_out(COMMANDS, Command.objects.get(pk=command.pk), lease)
    command.refresh_from_db()
    assert command.state == "done"
    assert runtime.forwards == 2


def test_a_stale_fence_writes_no_step(session: Session) -> None:
    stale = leases.take(Session, session.pk)
    assert stale is not None
    expire(session)
    assert leases.take(Session, session.pk) is not None
    new = NewStep([{"op": "commit", "slot": 4, "token": 5, "p": None, "by": "hand"}])
    with pytest.raises(LeaseLost), fenced(stale):
        append_step(session=session, ref=head_of(session), new=new)
    assert not Step.objects.exists()


def test_a_step_number_is_given_once(session: Session) -> None:
    branch = session.head_branch
    Step.objects.create(branch=branch, number=1, operations=[])
    with pytest.raises(IntegrityError), transaction.atomic():
        Step.objects.create(branch=branch, number=1, operations=[])


def test_whoever_finds_the_lease_taken_leaves_the_work_to_its_holder(
    play: Any, owner: User, session: Session, sent: list[Any]
) -> None:
    holder = leases.take(Session, session.pk)
    assert holder is not None
    submit(COMMANDS, user=owner, channel="api", message={"type": "forward_pass"}, target=session)
    tasks.advance_session(str(session.pk))
    assert Command.objects.filter(state="pending").count() == 1
    leases.release(holder)
    tasks.advance_session(str(session.pk))
    assert not Command.objects.filter(state="pending").exists()


def test_the_reaper_sends_forgotten_work_again(
    play: Any, owner: User, session: Session, sent: list[Any]
) -> None:
    on_session = submit(
        COMMANDS, user=owner, channel="api", message={"type": "forward_pass"}, target=session
    )
    alone = submit(
        COMMANDS, user=owner, channel="api", message={"type": "initialize", "prompt": "x"}
    )
    sent.clear()
    assert reaper.reap() == 0  # they may be on their way
    Command.objects.update(created=Now() - timedelta(minutes=1))
    assert reaper.reap() == 2
    assert set(sent) == {
        (Session.TASK, str(session.pk)),
        (Command.TASK, alone.pk),
    }
    tasks.advance_session(str(session.pk))
    executor.execute(COMMANDS, alone.pk)
    assert set(Command.objects.values_list("state", flat=True)) == {"done"}
    on_session.refresh_from_db()
    assert on_session.reply


def test_two_deliveries_of_one_task_make_one_session(
    play: Any, owner: User, entry: Any, sent: list[Any]
) -> None:
    command = submit(
        COMMANDS, user=owner, channel="api", message={"type": "initialize", "prompt": "x"}
    )
    executor.execute(COMMANDS, command.pk)
    Command.objects.update(lease_expires=None)
    executor.execute(COMMANDS, command.pk)
    assert Session.objects.count() == 1


def test_a_command_that_kills_its_worker_is_given_up(
    play: Any, owner: User, session: Session, sent: list[Any]
) -> None:
    command = submit(
        COMMANDS, user=owner, channel="api", message={"type": "forward_pass"}, target=session
    )
    Command.objects.filter(pk=command.pk).update(attempts=3)
    tasks.advance_session(str(session.pk))
    command.refresh_from_db()
    assert command.state == "failed"
    assert json.loads(command.reply)["error_type"] == "generation"


def test_a_fault_is_told_in_the_one_shape(
    play: Any, owner: User, session: Session, runtime: FakeRuntime
) -> None:
    def fail() -> None:
        raise RuntimeError("secret detail of the inside")

    runtime.before_logits = fail
    reply = play(owner, session, type="forward_pass", request_id="q")
    assert {"type", "message", "error_type", "retryable", "correlation_id", "request_id"} == set(
        reply
    )
    assert "secret" not in json.dumps(reply)
    runtime.before_logits = lambda: None
    assert play(owner, session, type="forward_pass")["type"] == "forward_pass_result"


def test_old_answers_are_forgotten(play: Any, owner: User, session: Session) -> None:
    play(owner, session, type="forward_pass")
    Command.objects.update(finished=Now() - timedelta(days=2))
    assert reaper.forget_answers() == 2
    assert not Command.objects.exists()


def test_large_answers_are_forgotten_sooner(play: Any, owner: User, session: Session) -> None:
    play(owner, session, type="forward_pass", visual_top_k=100)
    Command.objects.update(finished=Now() - timedelta(minutes=11))
    assert reaper.forget_answers() == 1
    assert Command.objects.get().type == "initialize"


def test_a_client_s_logits_are_not_kept(play: Any, owner: User, session: Session) -> None:
    message = {"type": "reprocess_probabilities", "request_id": "raw"}
    first = play(owner, session, raw_logits=[[0.0, 1.0]], **message)
    assert "raw_logits" not in Command.objects.get(request_id="raw").message
    assert play(owner, session, raw_logits=[[0.0, 1.0]], **message) == first


def test_the_loser_of_a_race_is_told_where_the_session_stands(
    play: Any, owner: User, session: Session, sent: list[Any]
) -> None:
    """Two sockets write to the same position of the same state."""
    messages = [
        {"type": "apply_selection", "selections": {"4": 5}},
        {"type": "apply_selection", "selections": {"4": 6}},
        {"type": "remask", "positions": [4, 4]},
    ]
    commands = [
        submit(COMMANDS, user=owner, channel="api", message=message, target=session)
        for message in messages
    ]
    tasks.advance_session(str(session.pk))
    won, lost, late = (json.loads(Command.objects.get(pk=row.pk).reply) for row in commands)
    assert won["type"] == "state_update"
    assert (lost["error_type"], lost["retryable"]) == ("conflict", True)
    assert "step 1" in lost["message"]
    assert late["error_type"] == "conflict"
    alone = play(owner, session, type="apply_selection", selections={"4": 6})
    assert alone["error_type"] == "validation"


def test_only_a_taken_number_is_a_conflict(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any other refusal of the database is a failure of ours, not somebody else's step."""

    def refused(**columns: Any) -> None:
        raise IntegrityError("CHECK constraint failed: (JSON_VALID(timings))")

    monkeypatch.setattr(Step.objects, "create", refused)
    new = NewStep([{"op": "commit", "slot": 4, "token": 5, "p": None, "by": "hand"}])
    with pytest.raises(IntegrityError):
        append_step(session=session, ref=head_of(session), new=new)
