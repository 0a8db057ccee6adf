"""A loaded model, a runtime that needs no weights, and a way to have commands carried out."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, cast

import pytest
import torch
from django.contrib.auth.models import User

from core.commands.submit import submit
from core.worker import executor
from inference import runtime as real_runtime
from inference.engine import checkpoint, forward
from inference.labels import pack
from inference.models import ModelEntry, Vocabulary
from inference.runtime import Logits
from tests.visualizer.fakes import ALPHABET, CONTEXT, MASK, SIZE, FakeRuntime
from tests.visualizer.served import write_model
from visualizer.commands import COMMANDS
from visualizer.models import Command, Session
from visualizer.worker import tasks

Play = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> FakeRuntime:
    fake = FakeRuntime()
    for name in ("load", "logits", "submit", "forward"):
        monkeypatch.setattr(real_runtime, name, getattr(fake, name))
    return fake


@pytest.fixture
def entry(db: None) -> ModelEntry:
    """A model that counts as loaded."""
    ModelEntry.objects.update(is_default=False)
    pieces = [*ALPHABET, "[MASK]", *(f"<{n}>" for n in range(MASK + 1, SIZE))]
    vocabulary = Vocabulary.objects.create(hash="v" * 64, size=SIZE, pieces=pack(pieces))
    made: ModelEntry = ModelEntry.objects.create(
        slug="tiny",
        label="Tiny",
        path="tiny",
        state=ModelEntry.State.LOADED,
        mask_id=MASK,
        context=CONTEXT,
        vocabulary=vocabulary,
        is_default=True,
    )
    return made


@pytest.fixture
def play(entry: ModelEntry, runtime: FakeRuntime, sent: list[tuple[str, Any]]) -> Play:
    """play(user, session, type=…, field=…) → the reply, whoever had to carry it out."""

    def carry(
        user: User, session: Session | None = None, channel: str = "api", **message: Any
    ) -> dict[str, Any]:
        row = submit(COMMANDS, user=user, channel=channel, message=message, target=session)
        command = cast(Command, row)
        if command.state == Command.State.PENDING:
            if command.session_id:
                tasks.advance_session(str(command.session_id))
            else:
                executor.execute(COMMANDS, command.pk)
            command.refresh_from_db()
        if session is not None:
            session.refresh_from_db()
        reply: dict[str, Any] = json.loads(command.reply)
        return reply

    return carry


@pytest.fixture
def start(play: Play, owner: User) -> Callable[..., Session]:
    """start(prompt=…, gen_length=…) → a session of the owner's."""

    def begin(**fields: Any) -> Session:
        message = {"prompt": "once", "gen_length": 12, "seed": 3, **fields}
        reply = play(owner, type="initialize", **message)
        return Session.objects.get(pk=reply["session_id"])

    return begin


@pytest.fixture
def session(start: Callable[..., Session]) -> Session:
    """Prompt "once" (positions 0–3) and 12 masks (4–15), in blocks of 4."""
    return start(block_length=4)


@pytest.fixture
def with_task(session: Session) -> ModelEntry:
    """The session's model, with a task by which what it writes can be scored."""
    entry = session.model
    entry.card = {**entry.card, "task": "addition"}
    entry.save()
    return entry


@pytest.fixture(scope="session")
def random_model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A loaded model of one layer with random weights."""
    folder = tmp_path_factory.mktemp("model")
    write_model(folder)
    return checkpoint.load(folder)


@pytest.fixture
def real(runtime: FakeRuntime, random_model: Any, monkeypatch: pytest.MonkeyPatch) -> FakeRuntime:
    """The runtime with a real, small, random model."""

    def logits(model: Any, ids: list[int], rows: list[int]) -> Logits:
        return Logits(forward.logits(model, ids, rows), False, 1.0)

    runtime.model = random_model
    monkeypatch.setattr(real_runtime, "logits", logits)
    return runtime


@pytest.fixture
def begin(real: FakeRuntime, start: Callable[..., Session]) -> Callable[..., Session]:
    """begin(…) → a session of the owner's with the real model."""

    def make(**fields: Any) -> Session:
        return start(**{"prompt": "once upon a time", "gen_length": 8, **fields})

    return make
