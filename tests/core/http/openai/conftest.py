"""The official client against the site, without a network; models of both kinds that read turns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from accounts.tokens import issue
from config.asgi import http
from core.worker import executor
from inference import registry, runtime
from playground.commands import COMMANDS
from playground.models import ChatCommand, Completion
from playground.worker import completions
from tests.inference.engine.causal.tiny import write_model
from tests.tiny import tiny_model
from tests.visualizer.api.conftest import WORK, listed, shipped, worker  # noqa: F401

openai = pytest.importorskip("openai")
httpx = pytest.importorskip("httpx2")


@pytest.fixture
async def client(owner: User, worker: Any) -> Any:  # noqa: F811
    """`openai.AsyncOpenAI` whose requests go to the ASGI application."""
    token = await sync_to_async(issue)(owner)
    transport = httpx.ASGITransport(app=http)
    return openai.AsyncOpenAI(
        api_key=token,
        base_url="http://localhost/v1",
        http_client=httpx.AsyncClient(transport=transport),
        max_retries=0,
    )


@pytest.fixture(scope="session")
def talking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A MODELS_DIR: `talk` is a diffusion model with LLaDA's template, `plain` a causal one."""
    root = tmp_path_factory.mktemp("talking")
    tiny_model(root / "talk", context=512, chat=True)
    write_model(root / "plain", "llama")
    return root


@pytest.fixture
def chats(
    shipped: None,  # noqa: F811
    talking: Path,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[None]:
    """`talk` and `plain` in the list, and a worker for completions too."""
    settings.MODELS_DIR, settings.DEVICE = talking, "cpu"
    torch.set_num_threads(1)
    monkeypatch.setitem(WORK, Completion.TASK, completions.work)
    monkeypatch.setitem(WORK, ChatCommand.TASK, lambda pk: executor.execute(COMMANDS, pk))
    registry.sync_models()
    yield
    for slug in {"talk", "plain"} & set(runtime.loaded()):
        runtime.unload(slug)
