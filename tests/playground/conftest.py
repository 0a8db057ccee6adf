"""The shipped models, and what workers would do with what was sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from django.contrib.auth.models import User
from django.test import Client

from core.commands.submit import submit
from core.jobs import dispatch
from core.worker import executor
from inference import registry, runtime
from inference.models import ModelEntry
from playground.commands import COMMANDS
from playground.models import Conversation, Message
from tests.inference.engine.causal.tiny import write_model
from tests.playground.working import work_off

Tell = Callable[..., dict[str, Any]]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """The tasks that were sent, instead of a broker."""
    tasks: list[tuple[str, Any]] = []
    monkeypatch.setattr(dispatch, "send", lambda task, argument: tasks.append((task, argument)))
    return tasks


@pytest.fixture
def model(db: None, settings: Any) -> ModelEntry:
    """The shipped default model, stories: what conversations begin with in these tests."""
    settings.DEFAULT_MODEL = "stories"
    registry.sync_models()
    return registry.default_model()


@pytest.fixture
def causal(model: ModelEntry, tmp_path: Path, settings: Any, sent: Any) -> Iterator[ModelEntry]:
    """A random causal model with a chat template."""
    settings.MODELS_DIR = tmp_path
    settings.DEVICE = "cpu"
    torch.set_num_threads(1)
    write_model(tmp_path / "plain", "llama")
    registry.sync_models()
    yield registry.resolve("plain")
    for slug in list(runtime.loaded()):
        runtime.unload(slug)


@pytest.fixture
def tell(model: ModelEntry, sent: list[Any]) -> Tell:
    """tell(user, type=…, field=…) → the reply; workers have done nothing yet."""
    import json

    def carry(user: User, conversation: Any = None, **message: Any) -> dict[str, Any]:
        row = submit(COMMANDS, user=user, channel="api", message=message, target=conversation)
        reply: dict[str, Any] = json.loads(row.reply)
        return reply

    return carry


@pytest.fixture
def chat(tell: Tell, owner: User) -> Callable[..., Conversation]:
    """chat("text", …) → the owner's conversation after an answer to each of the texts."""

    def begin(*texts: str, **first: Any) -> Conversation:
        id: Any = None
        for text in texts:
            named: dict[str, Any] = {} if id is None else {"conversation_id": id}
            reply = tell(owner, type="send", message=text, **named, **(first if id is None else {}))
            id = reply["conversation_id"]
            work_off()
        return Conversation.objects.get(pk=id)

    return begin


def answer_of(conversation: Conversation) -> Message:
    conversation.refresh_from_db()
    assert conversation.head is not None
    return conversation.head


@pytest.fixture
def letters(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelEntry]:
    """A tiny model that writes from left to right; commands for workers are carried out at once."""
    settings.MODELS_DIR = tmp_path
    settings.DEVICE = "cpu"
    torch.set_num_threads(1)
    write_model(tmp_path / "letters", "llama")
    registry.sync_models()
    work = lambda task, pk: executor.execute(COMMANDS, pk)  # noqa: E731
    monkeypatch.setattr(dispatch, "send", work)
    yield registry.resolve("letters")
    for slug in list(runtime.loaded()):
        runtime.unload(slug)


@pytest.fixture
def client_of() -> Callable[[User], Client]:
    """client_of(user) → a client that is signed in."""

    def signed_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return signed_in
