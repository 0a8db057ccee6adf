"""The adapted real model: a question is answered, and every step is kept with what was seen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from core.commands.submit import submit
from core.worker import executor
from inference import registry, runtime
from inference.packages import PACKAGED, path_of
from tests.visualizer.working import work_off
from visualizer.commands import COMMANDS
from visualizer.models import Command, Run, Session, Step
from visualizer.selectors import labels_for, state_at
from visualizer.worker import tasks

BASE, TWIN = "smollm2-135m-instruct", "smollm2-135m-twin"
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.servers,  # no server, but as long as one: with the slow ones, out of quick runs
    pytest.mark.timeout(300),
    pytest.mark.skipif(path_of(BASE) is None, reason=f"`{PACKAGED[BASE].command}` is needed"),
]


@pytest.fixture(autouse=True)
def models(tmp_path: Path, settings: Settings) -> Iterator[None]:
    settings.MODELS_DIR, settings.DEVICE, settings.DATA_DIR = tmp_path, "cpu", tmp_path
    settings.DTYPE = "bfloat16"
    yield
    for slug in list(runtime.loaded()):
        runtime.unload(slug)
    runtime.cache().clear()


def ask(owner: User, session: Session | None, **message: Any) -> dict[str, Any]:
    command = submit(COMMANDS, user=owner, channel="page", message=message, target=session)
    if command.state == Command.State.PENDING:
        if command.session_id:
            tasks.advance_session(str(command.session_id))
        else:
            executor.execute(COMMANDS, command.pk)
        command.refresh_from_db()
    reply: dict[str, Any] = json.loads(command.reply)
    assert reply["type"] != "error", reply
    return reply


def test_the_twin_answers_and_every_step_is_kept(owner: User, sent: list[Any]) -> None:
    registry.sync_models()
    entry = registry.resolve(TWIN)
    example, usual = entry.card["examples"][0], entry.card["decoding"]
    assert example["prompt"] == "What is the capital of France?"
    started = ask(owner, None, type="initialize", model=TWIN, chat=True, **example)
    session = Session.objects.get(pk=started["session_id"])
    kept = {"temperature": usual["temperature"]}
    ask(owner, session, type="run", recipe=usual["recipe"], parameters=kept)
    work_off(session, sent)
    run = Run.objects.get(session=session)
    assert (run.status, run.error) == (Run.Status.DONE, None)
    steps = Step.objects.filter(branch=run.branch_id).order_by("number")
    numbers = list(steps.values_list("number", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))
    session.refresh_from_db()
    written = [slot.token for slot in state_at(session).slots if not slot.prompt]
    text = labels_for(session).decode([t for t in written if t != session.mask_id]).text
    assert "Paris" in text
    assert not set(written) & {0, 1, *range(3, 16)}, "markers that nobody may write"
