"""A small text, and trainings on it that are worked in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from django.contrib.auth.models import User

from core.commands.submit import submit
from playground.training.commands import COMMANDS
from playground.training.models import Text, Training
from playground.training.services.texts import create_text
from playground.training.worker import trainings
from tests.playground.training.working import TEXT, TINY, in_process

Tell = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.TRAINING_DIR = tmp_path / "training"
    monkeypatch.setattr(trainings, "started", in_process())
    torch.set_num_threads(1)


@pytest.fixture
def text(owner: User) -> Text:
    """A text of the owner's, long enough for tiny windows."""
    return create_text(owner=owner, name="Cats", text=TEXT)


@pytest.fixture
def tell(sent: list[Any]) -> Tell:
    """tell(user, type=…, field=…) → the reply; workers have done nothing yet."""

    def carry(user: User, target: Training | None = None, **message: Any) -> dict[str, Any]:
        row = submit(COMMANDS, user=user, channel="api", message=message, target=target)
        reply: dict[str, Any] = json.loads(row.reply)
        return reply

    return carry


@pytest.fixture
def begin(tell: Tell, owner: User, text: Text) -> Callable[..., Training]:
    """begin(kind=…, steps=…) → a queued training of the owner's."""

    def start(user: User | None = None, **more: Any) -> Training:
        message = {"kind": "characters", "text_id": text.pk, "sizes": TINY, "steps": 12, **more}
        reply = tell(user or owner, type="train", **message)
        assert reply["type"] == "training", reply
        return Training.objects.get(pk=reply["training_id"])

    return start
