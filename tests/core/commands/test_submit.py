"""Commands that the web side answers, what is told once, readers, and views that wait."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from core.commands import ask as asking
from core.commands.ask import ask, ask_now
from core.commands.submit import read, submit
from core.commands.table import Request
from core.jobs import dispatch
from inference.errors import UnmaskError
from tests.core.errands import commands
from tests.core.errands.commands import TABLE, Errands
from tests.core.errands.models import Errand, ErrandCommand
from tests.core.errands.working import advance_errand

pytestmark = pytest.mark.django_db(transaction=True)
NOTE = {"type": "note", "thing": "milk"}


def answered_by(monkeypatch: pytest.MonkeyPatch, handler: Any) -> None:
    monkeypatch.setattr(commands, "note", handler)


def table_with(**flags: Any) -> Errands:
    """The table, with other flags of `note`."""
    return Errands([replace(TABLE["note"], **flags), TABLE["fetch"]])


@pytest.mark.parametrize(
    ("raised", "error_type", "field"),
    [
        (UnmaskError("conflict", "No.", "thing"), "conflict", "thing"),
        (RuntimeError("inside"), "generation", None),
    ],
)
def test_what_a_failed_command_changed_is_undone(
    owner: User,
    errand: Errand,
    monkeypatch: pytest.MonkeyPatch,
    raised: Exception,
    error_type: str,
    field: str | None,
) -> None:
    def fail(request: Request) -> dict[str, Any]:
        Errand.objects.filter(pk=request.target.pk).update(things=["half"])
        raise raised

    answered_by(monkeypatch, fail)
    with pytest.raises(UnmaskError) as refused:
        ask_now(TABLE, owner, NOTE, errand)
    assert (refused.value.error_type, refused.value.field) == (error_type, field)
    assert "inside" not in refused.value.message
    errand.refresh_from_db()
    assert errand.things == []
    assert ErrandCommand.objects.get().state == "failed"


def test_a_secret_is_told_once_and_not_kept(
    owner: User, errand: Errand, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered_by(monkeypatch, lambda request: {"type": "noted", "token": "secret", "n": 1})
    table = table_with(once=("token",))
    message = {**NOTE, "request_id": "a"}
    replies = [
        json.loads(submit(table, user=owner, channel="api", message=message, target=errand).reply)
        for _ in range(2)
    ]
    assert [reply["token"] for reply in replies] == ["secret", None]
    assert "secret" not in ErrandCommand.objects.get().reply


def test_an_answer_that_is_too_large_is_refused(
    owner: User, errand: Errand, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered_by(monkeypatch, lambda request: {"type": "noted", "text": "x" * (10 * 2**20)})
    with pytest.raises(UnmaskError, match="larger than 10 MB"):
        ask_now(TABLE, owner, NOTE, errand)


def test_readers_ask_what_only_reads_and_leave_no_row(
    errand: Errand, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered_by(monkeypatch, lambda request: {"type": "noted", "by": request.reader})
    message = {**NOTE, "request_id": "a"}
    with pytest.raises(UnmaskError) as refused:
        read(TABLE, reader="link", message=message, find=lambda typed: errand)
    assert (refused.value.error_type, refused.value.message) == ("auth", TABLE.read_only)
    reply = read(table_with(reads=True), reader="link", message=message, find=lambda typed: errand)
    assert reply == {"type": "noted", "by": "link", "request_id": "a"}
    plain = read(table_with(reads=True), reader="link", message=NOTE, find=lambda typed: errand)
    assert "request_id" not in plain
    assert not ErrandCommand.objects.exists()


async def test_a_view_has_the_answer_of_the_web_side_at_once(owner: User, errand: Errand) -> None:
    assert (await ask(TABLE, owner, NOTE, errand))["things"] == ["milk"]


async def test_a_view_waits_for_a_worker(
    owner: User, errand: Errand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It asks again after a moment: what it was given was the question."""
    monkeypatch.setattr(dispatch, "send", lambda task, argument: advance_errand(argument))
    assert (await ask(TABLE, owner, {**NOTE, "type": "fetch"}, errand))["things"] == ["milk"]


async def test_the_bell_of_the_answer_wakes_who_waits(
    owner: User, errand: Errand, sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "POLL_SECONDS", 60.0)

    async def work() -> None:
        for _ in range(1000):
            if sent:
                break
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.5)  # it has looked at the row and waits
        await sync_to_async(advance_errand)(sent[0][1])

    waits = ask(TABLE, owner, {**NOTE, "type": "fetch"}, errand, seconds=60)
    reply, _ = await asyncio.wait_for(asyncio.gather(waits, work()), 30)
    assert reply["things"] == ["milk"]


async def test_a_view_does_not_wait_for_ever(owner: User, errand: Errand, sent: list[Any]) -> None:
    message = {**NOTE, "type": "fetch"}
    with pytest.raises(UnmaskError, match=r"^Later\.$") as refused:
        await ask(TABLE, owner, message, errand, seconds=0.05, late="Later.")
    assert refused.value.error_type == "timeout"
