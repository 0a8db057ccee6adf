"""What users write is in no log line, at no level, and in no error."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from config.logs import configure

pytestmark = pytest.mark.usefixtures("worker")
CANARY = "canary-5b1d"
TURNS = [{"role": "user", "content": CANARY}]
YES_NO = {"kind": "yes_no"}
BOTH, TWICE = [CANARY, f"{CANARY}s"], [CANARY, CANARY]
LABELLED = [{"text": f"{CANARY} <gap>", "labels": ["yes"]}] * 10
LONG = {"max_new_tokens": 4}
ASKED: list[tuple[str, dict[str, Any]]] = [
    ("/api/diffusion/generate", {"prompt": CANARY, **LONG}),
    ("/api/diffusion/generate", {"prompt": "Once", "stop": [CANARY], **LONG}),
    ("/api/diffusion/generate", {"messages": TURNS}),
    ("/api/diffusion/generate", {"prompt": CANARY, "max_new_tokens": 1000}),
    ("/api/diffusion/generate", {"prompt": "Once", "recipe": CANARY}),
    ("/api/diffusion/generate", {"prompt": CANARY, "surprise": CANARY}),
    ("/api/diffusion/generate", {"prompt": [CANARY]}),
    ("/api/diffusion/infill", {"prefix": CANARY, "suffix": CANARY, "length": 2}),
    ("/api/diffusion/infill", {"text": f"{CANARY}<gap>{CANARY}", "length": 2}),
    ("/api/diffusion/infill", {"pieces": [CANARY] * 40}),
    ("/api/diffusion/batch/generate", {"requests": [{"prompt": CANARY, **LONG}]}),
    ("/api/diffusion/decide", {"text": f"{CANARY} <gap>", "places": [YES_NO]}),
    ("/api/diffusion/decide", {"text": CANARY, "places": [YES_NO]}),
    ("/api/diffusion/decide", {"text": "<gap>", "places": [{"kind": "choices", "choices": BOTH}]}),
    ("/api/diffusion/decide", {"text": "<gap>", "places": [{"kind": "choices", "choices": TWICE}]}),
    ("/api/diffusion/decide", {"text": "<gap>", "places": [{"kind": CANARY}]}),
    ("/api/diffusion/calibrations", {"places": [YES_NO], "examples": LABELLED, "name": CANARY}),
    ("/api/diffusion/calibrations", {"places": [YES_NO], "examples": LABELLED[:3]}),
    ("/v1/completions", {"model": "stories", "prompt": CANARY, "max_tokens": 4}),
    ("/v1/completions", {"model": "stories", "prompt": CANARY, "max_tokens": 4, "stream": True}),
    ("/v1/chat/completions", {"model": "stories", "messages": TURNS}),
    ("/v1/chat/completions", {"model": "stories", "messages": [CANARY]}),
]


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Everything that would be written, at the most talkative level."""
    described = configure("DEBUG")["formatters"]["json"]
    options = {key: value for key, value in described.items() if key != "()"}
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(**options))
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield written
    root.removeHandler(handler)
    root.setLevel(before)


@pytest.mark.parametrize("number", range(len(ASKED)))
def test_a_canary_is_nowhere(ask: Any, logged: io.StringIO, number: int) -> None:
    path, body = ASKED[number]
    answer = ask.client.post(path, json.dumps(body), content_type="application/json")
    told = b"".join(answer) if not answer.streaming else _read(answer)
    if answer.status_code >= 400:
        assert CANARY not in told.decode() or CANARY in str(body.get("recipe"))
    assert CANARY not in logged.getvalue()


def _read(answer: Any) -> bytes:
    from asgiref.sync import async_to_sync

    async def whole() -> bytes:
        return b"".join([part async for part in answer.streaming_content])

    return async_to_sync(whole)()
