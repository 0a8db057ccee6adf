"""What users write is in no sink: no log line at any level, no file of logs, no error, no figure,
no task, no row that counts. The canary is put into every text that any route takes.
"""

from __future__ import annotations

import io
import json
import logging
import logging.config
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User

from config.api import api, openai
from config.logs import configure
from inference import figures
from tests.openapi import document
from visualizer.models import StreamTiming

pytestmark = pytest.mark.usefixtures("worker")
CANARY = "canary-5b1d"
TURNS = [{"role": "user", "content": CANARY}]
YES_NO = {"kind": "yes_no"}
BOTH, TWICE = [CANARY, f"{CANARY}s"], [CANARY, CANARY]
LABELLED = [{"text": f"{CANARY} <gap>", "labels": ["yes"]}] * 10
LONG = {"max_new_tokens": 4}
ASKED: list[tuple[str, dict[str, Any]]] = [
    ("/api/diffusion/generate", {"prompt": CANARY, "max_new_tokens": 1000}),
    ("/api/diffusion/generate", {"prompt": CANARY, "surprise": CANARY}),
    ("/api/diffusion/generate", {"prompt": [CANARY]}),
    ("/api/diffusion/infill", {"pieces": [CANARY] * 40}),
    ("/api/diffusion/decide", {"text": CANARY, "places": [YES_NO]}),
    ("/api/diffusion/decide", {"text": "<gap>", "places": [{"kind": "choices", "choices": BOTH}]}),
    ("/api/diffusion/decide", {"text": "<gap>", "places": [{"kind": "choices", "choices": TWICE}]}),
    ("/api/diffusion/decide", {"text": "<gap>", "places": [{"kind": CANARY}]}),
    ("/api/diffusion/calibrations", {"places": [YES_NO], "examples": LABELLED, "name": CANARY}),
    ("/api/diffusion/calibrations", {"places": [YES_NO], "examples": LABELLED[:3]}),
    ("/v1/completions", {"model": "stories", "prompt": CANARY, "max_tokens": 4, "stream": True}),
    ("/v1/chat/completions", {"model": "stories", "messages": TURNS}),
    ("/v1/chat/completions", {"model": "stories", "messages": [CANARY]}),
]
GOOD: dict[str, dict[str, Any]] = {
    "/api/diffusion/generate": {"prompt": "Once", **LONG},
    "/api/diffusion/generate/stream": {"prompt": "Once", **LONG},
    "/api/diffusion/infill": {"prefix": "Once", "suffix": "end.", "length": 2},
    "/api/diffusion/infill/stream": {"prefix": "Once", "suffix": "end.", "length": 2},
    "/api/diffusion/decide": {"text": "Once <gap>", "places": [YES_NO]},
    "/v1/completions": {"model": "stories", "prompt": "Once", "max_tokens": 4},
    "/v1/chat/completions": {"model": "stories", "messages": TURNS, "max_tokens": 4},
}
"""Requests that are answered, by their routes."""
SHOWN = frozenset({"recipe", "model"})
"""Names of things, which an error may repeat."""


def texts() -> list[tuple[str, dict[str, Any]]]:
    """Every field of every such route that takes a text, or a list of texts, with the canary."""
    found = []
    for path, good in GOOD.items():
        told = document(api if path.startswith("/api/") else openai)
        body = told["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        schema = told["components"]["schemas"][body["schema"]["$ref"].rsplit("/", 1)[1]]
        for name, field in schema["properties"].items():
            kinds = [kind.get("type") for kind in field.get("anyOf", [field])]
            value: Any = CANARY if "string" in kinds else [CANARY] if "array" in kinds else None
            if value is not None and "enum" not in field:
                found.append((path, good | {name: value}))
    return found


ASKED += texts()


@pytest.mark.parametrize("number", range(len(ASKED)))
def test_a_canary_is_nowhere(
    ask: Any, logged: io.StringIO, worker: list[Any], owner: User, number: int
) -> None:
    path, body = ASKED[number]
    answer = ask.client.post(path, json.dumps(body), content_type="application/json")
    told = b"".join(answer) if not answer.streaming else _read(answer)
    if answer.status_code >= 400:
        named = any(CANARY in str(body.get(name)) for name in SHOWN)
        assert CANARY not in told.decode() or named
    assert CANARY not in logged.getvalue()
    assert CANARY not in str(worker)
    assert CANARY not in json.dumps(figures.snapshot())
    counted = StreamTiming.objects.exclude(model__contains=CANARY).values_list()
    assert CANARY not in str(list(counted))


def test_a_canary_is_in_no_file_of_logs(
    tmp_path: Path, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    described = configure("DEBUG", tmp_path)
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    logging.config.dictConfig(described)
    try:
        for body in ({"prompt": CANARY, **LONG}, {"prompt": CANARY, "max_new_tokens": 1000}):
            ask.post("generate", **body)
    finally:
        for handler in set(root.handlers) - set(before):
            root.removeHandler(handler)
            handler.close()
        root.handlers, root.level = before, level
    written = [path.read_text() for path in tmp_path.iterdir()]
    assert len(written) == 2
    assert all(written)
    assert CANARY not in "".join(written)


def _read(answer: Any) -> bytes:
    from asgiref.sync import async_to_sync

    async def whole() -> bytes:
        return b"".join([part async for part in answer.streaming_content])

    return async_to_sync(whole)()
