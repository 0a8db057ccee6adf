"""The official client against the site, without a network."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from accounts.tokens import issue
from config.asgi import http
from tests.visualizer.api.conftest import listed, shipped, worker  # noqa: F401

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
