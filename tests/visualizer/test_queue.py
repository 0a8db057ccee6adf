"""What is worked before a command: others' sessions, jobs, and commands without a session."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User

from core.commands.submit import submit
from core.sockets import database
from core.sockets.replies import Replies
from inference.models import Stream
from visualizer.commands import COMMANDS
from visualizer.models import Command, LabJob, Run, Session
from visualizer.selectors.queue import ahead_of_command

pytestmark = pytest.mark.django_db


def ask(user: User, session: Session | None = None, **message: Any) -> Command:
    return submit(COMMANDS, user=user, channel="page", message=message, target=session)


def test_only_earlier_and_other_work_counts(
    owner: User, stranger: User, start: Any, sent: list[Any]
) -> None:
    mine, busy, late = start(), start(), start()
    assert ahead_of_command(ask(owner, mine, type="forward_pass").pk) == 0
    ask(owner, busy, type="forward_pass")
    Run.objects.create(session=busy, branch=busy.head_branch, recipe="x", first_step=1)
    ask(stranger, type="initialize", prompt="once")
    LabJob.objects.create(
        owner=stranger, model=mine.model, task="addition", recipes=[], steps=[], count=1,
        stream=Stream.objects.create(), status="queued",
    )  # fmt: skip
    command = ask(owner, mine, type="auto_select")
    ask(owner, late, type="forward_pass")
    assert ahead_of_command(command.pk) == 3  # one busy session, one beginning, one job
    Command.objects.exclude(pk=command.pk).update(state=Command.State.DONE)
    Run.objects.update(status="done")
    LabJob.objects.update(status="done")
    assert ahead_of_command(command.pk) == 0


async def test_whoever_waits_is_told_each_second(monkeypatch: pytest.MonkeyPatch) -> None:
    replies, told = iter(["", "", json.dumps({})]), list[int]()

    async def stored(command: Command) -> str:
        return next(replies)

    async def waits(command: Command) -> None:
        told.append(command.pk)

    monkeypatch.setattr(database, "reply_of", stored)
    monkeypatch.setattr("core.sockets.replies.POLL_SECONDS", 0.01)
    assert await Replies().wait(Command(pk=7), waits) == "{}"
    assert told == [7, 7]
