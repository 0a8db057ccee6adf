"""The time machine: every moment answers, and what they said is kept for the page."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from core.commands.submit import submit
from core.worker.executor import execute
from playground.training.commands import COMMANDS
from playground.training.models import Training
from playground.training.worker import questions
from tests.playground.training.working import work_off

pytestmark = pytest.mark.django_db
Begin = Callable[..., Training]


def asked(user: User, **message: Any) -> dict[str, Any]:
    row = submit(COMMANDS, user=user, channel="api", message={"type": "ask", **message})
    execute(COMMANDS, row.pk)
    row.refresh_from_db()
    reply: dict[str, Any] = json.loads(row.reply)
    return reply


@pytest.mark.parametrize("kind", ["characters", "diffusion"])
def test_every_moment_answers(begin: Begin, owner: User, owner_client: Client, kind: str) -> None:
    training = begin(kind=kind, steps=30)
    work_off()
    reply = asked(owner, training_id=str(training.pk), prompt="A cat", length=5)
    assert reply["type"] == "answers", reply
    steps = [row["step"] for row in reply["answers"]]
    assert len(steps) >= 20
    assert (steps[0], steps[-1]) == (0, 30)
    frames = {len(row["frames"]) for row in reply["answers"]}
    assert max(frames) == (5 if kind == "diffusion" else 1)
    page = owner_client.get(f"/training/{training.pk}/?question={reply['question_id']}")
    assert page.content.decode().count("data-answer-of") == len(steps)


def test_unknown_characters_are_named(begin: Begin, owner: User) -> None:
    training = begin()
    work_off()
    reply = asked(owner, training_id=str(training.pk), prompt="A 😀")
    assert (reply["error_type"], reply["field"]) == ("validation", "prompt")
    assert "😀" in reply["message"]


def test_there_must_be_a_moment(begin: Begin, owner: User) -> None:
    training = begin()
    reply = asked(owner, training_id=str(training.pk))
    assert reply["error_type"] == "conflict"


def test_old_questions_go(begin: Begin, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "KEPT", 2)
    training = begin(steps=10)
    work_off()
    for seed in range(4):
        asked(owner, training_id=str(training.pk), length=1, seed=seed)
    assert list(training.questions.values_list("seed", flat=True)) == [3, 2]
