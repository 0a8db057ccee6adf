"""Clients that ask by token, and a worker inside the test: what is sent is worked at once."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from accounts.tokens import issue
from core.jobs import dispatch
from core.worker import executor
from inference import registry, runtime
from inference.models import ModelEntry
from inference.runtime import model_state
from library.models import Download
from visualizer.commands import COMMANDS
from visualizer.models import Command, Generation, Session
from visualizer.worker import generation, tasks

WORK: dict[str, Callable[[Any], None]] = {
    Generation.TASK: generation.work,
    Session.TASK: tasks.advance_session,
    Command.TASK: lambda pk: executor.execute(COMMANDS, pk),
    Download.TASK: lambda pk: None,  # stays in line: tests/library has a hub to ask
}


@pytest.fixture
def listed(db: None) -> None:
    """The shipped models in the list, for requests that start nothing."""
    registry.sync_models()


@pytest.fixture
def shipped(transactional_db: None) -> None:
    """The shipped models in the list; transactions commit, as those of a site do."""
    registry.sync_models()
    for slug in runtime.loaded():  # by an earlier test, whose rows are gone
        model = runtime.get(slug)
        if model is not None and ModelEntry.objects.filter(slug=slug).exists():
            model_state.loaded(slug, model)


@pytest.fixture
def worker(shipped: None, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Tasks are worked one after the other in the thread that sends them; their names."""
    queue: list[tuple[str, Any]] = []
    seen: list[Any] = []
    busy = threading.Lock()

    def send(task: str, argument: Any) -> None:
        queue.append((task, argument))
        if busy.acquire(blocking=False):
            try:
                while queue:
                    name, value = queue.pop(0)
                    seen.append(name)
                    WORK[name](value)
            finally:
                busy.release()

    monkeypatch.setattr(dispatch, "send", send)
    return seen


class Asker:
    """Asks the API with somebody's token."""

    def __init__(self, user: User) -> None:
        self.headers = {"Authorization": f"Bearer {issue(user)}"}
        self.client = Client(headers=self.headers, raise_request_exception=False)

    def get(self, path: str) -> Any:
        return self.client.get(f"/api/diffusion/{path}")

    def post(self, path: str, **data: Any) -> Any:
        return self.send(path, json.dumps(data))

    def delete(self, path: str) -> Any:
        return self.client.delete(f"/api/diffusion/{path}")

    def send(self, path: str, body: str | bytes, content_type: str = "application/json") -> Any:
        return self.client.post(f"/api/diffusion/{path}", body, content_type=content_type)


@pytest.fixture
def ask(owner: User) -> Asker:
    return Asker(owner)


@pytest.fixture
def ask_as() -> Callable[[User], Asker]:
    return Asker


@pytest.fixture
def owner_headers(owner: User) -> dict[str, str]:
    """For AsyncClient, which sends those of a request only."""
    return {"Authorization": f"Bearer {issue(owner)}"}
