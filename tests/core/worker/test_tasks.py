"""What every worker does again and again."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models.functions import Now
from pytest_django import Settings

from core.commands.submit import submit
from core.jobs import leases, reaper
from core.worker import tasks
from core.worker.executor import ATTEMPTS, execute
from inference import registry
from tests.core.errands.commands import TABLE
from tests.core.errands.models import Errand, ErrandCommand

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("embedded", "voided"), [(True, 1), (False, 0)])
def test_only_the_one_process_voids_leases_and_only_when_it_starts(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, embedded: bool, voided: int
) -> None:
    called: list[str] = []
    monkeypatch.setattr(leases, "void_all", lambda: called.append("void"))
    monkeypatch.setattr(registry, "void_states", lambda before: called.append("models"))
    monkeypatch.setattr(reaper, "reap", lambda: called.append("reap"))
    settings.EMBEDDED = embedded
    tasks._start_afresh.cache_clear()
    tasks.reap()
    tasks.reap()
    tasks._start_afresh.cache_clear()
    assert (called.count("void"), called.count("models")) == (voided, voided)
    assert called.count("reap") == 2


def answered(owner: User, errand: Errand, reply: str, **ago: float) -> ErrandCommand:
    """A command that was answered some time ago."""
    message = {"type": "note", "thing": "milk"}
    command = submit(TABLE, user=owner, channel="api", message=message, target=errand)
    rows = ErrandCommand.objects.filter(pk=command.pk)
    rows.update(reply=reply, finished=Now() - timedelta(**ago))
    return rows.get()


def test_answers_are_forgotten_the_large_ones_sooner(owner: User, errand: Errand) -> None:
    large = "x" * (reaper.LARGE + 1)
    gone = [answered(owner, errand, "{}", hours=25), answered(owner, errand, large, minutes=11)]
    kept = [
        answered(owner, errand, "{}", hours=23),
        answered(owner, errand, large, minutes=9),
        answered(owner, errand, large[1:], minutes=11),
    ]
    tasks.forget()
    left = set(ErrandCommand.objects.values_list("pk", flat=True))
    assert left == {command.pk for command in kept}
    assert left.isdisjoint(command.pk for command in gone)


def test_commands_without_a_target_are_sent_again_when_their_task_was_lost(
    owner: User, sent: list[Any]
) -> None:
    def pending(name: str, **columns: Any) -> ErrandCommand:
        row = ErrandCommand.objects.create(
            user=owner, request_id=name, type="fetch", message={"type": "fetch"}
        )
        ErrandCommand.objects.filter(pk=row.pk).update(**columns)
        return row

    long_ago = Now() - timedelta(minutes=1)
    lost, dead = pending("lost", created=long_ago), pending("dead", lease_expires=long_ago)
    pending("fresh")
    pending("held", created=long_ago, lease_expires=Now() + timedelta(seconds=5))
    pending("done", created=long_ago, state="done")
    assert reaper.abandoned_commands(ErrandCommand) == [
        (ErrandCommand.TASK, lost.pk), (ErrandCommand.TASK, dead.pk),
    ]  # fmt: skip


def test_a_command_that_nobody_can_carry_out_is_answered_all_the_same(owner: User) -> None:
    """Its type was taken out of the table by an update."""
    row = ErrandCommand.objects.create(
        user=owner, request_id="a", type="gone", message={"type": "gone"}
    )
    execute(TABLE, row.pk)
    row.refresh_from_db()
    assert (row.state, row.attempts) == ("failed", 1)
    assert json.loads(row.reply)["error_type"] == "validation"
    assert row.attempts < ATTEMPTS
