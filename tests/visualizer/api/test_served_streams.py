"""Streams of a site whose model is slow, in both shapes: frames arrive while it computes.

In the site shape the steps are made by a worker of its own and come through Redis and PostgreSQL.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.servers import (
    Site,
    embedded_site,
    fresh_database,
    full_site,
    redis_server,
    wait_for,
)
from tests.tiny import tiny_model

pytestmark = pytest.mark.servers
LENGTH = 24
BODY = {"model": "slow", "prompt": "hello", "max_new_tokens": LENGTH, "block_length": LENGTH}

LONG = {**BODY, "max_new_tokens": 140, "block_length": 140}
"""Takes longer than a client that went away is waited for."""


@pytest.fixture(scope="module", params=["embedded", "site"])
def slow(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A site with a model that is large enough to take its time for each step."""
    folder = tmp_path_factory.mktemp("slow")
    tiny_model(folder / "models" / "slow", width=640, layers=8)
    settings = {"MODELS_DIR": str(folder / "models"), "DEFAULT_MODEL": "slow"}
    with _SHAPES[request.param](request, folder, settings) as site:
        yield site


def _embedded(
    request: pytest.FixtureRequest, folder: Path, settings: dict[str, str]
) -> AbstractContextManager[Site]:
    return embedded_site(folder, **settings)


@contextmanager
def _site(request: pytest.FixtureRequest, folder: Path, settings: dict[str, str]) -> Iterator[Site]:
    """A Redis and a database that no other test uses."""
    database = fresh_database(request.getfixturevalue("postgres_url"), "slow_streams")
    with redis_server() as redis, full_site(folder, redis, database, **settings) as site:
        yield site


_SHAPES: dict[str, Any] = {"embedded": _embedded, "site": _site}


@pytest.fixture
def headers(slow: Site) -> dict[str, str]:
    token = slow.token("ada")
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}


class Stream:
    """A stream under way: frames with the moment at which each arrived."""

    def __init__(self, site: Site, path: str, headers: dict[str, str], **fields: Any) -> None:
        where = urlsplit(site.url)
        self.connection = http.client.HTTPConnection(str(where.hostname), where.port, timeout=60)
        self.connection.request("POST", f"/api/diffusion/{path}", json.dumps(fields), headers)
        self.answer = self.connection.getresponse()

    def frames(self) -> Iterator[tuple[float, dict[str, Any]]]:
        for line in self.answer:
            if line.startswith(b"data: "):
                yield time.monotonic(), json.loads(line.removeprefix(b"data: "))

    def leave(self) -> None:
        """The client is gone: no request for an end, a closed connection."""
        self.answer.close()
        self.connection.close()


@pytest.fixture
def counts(slow: Site, headers: dict[str, str]) -> Callable[[], dict[str, int]]:
    """Generations by status."""

    def ask() -> dict[str, int]:
        found: dict[str, int] = json.loads(slow.get("/api/diffusion/metrics", **headers)[1])[
            "generations"
        ]
        return found

    return ask


def test_steps_arrive_while_the_model_computes(slow: Site, headers: dict[str, str]) -> None:
    begun = time.monotonic()
    seen = list(Stream(slow, "generate/stream", headers, **BODY).frames())
    lasted = seen[-1][0] - begun
    steps = [moment for moment, frame in seen if frame["type"] == "step"]
    assert seen[0][1]["type"] == "status"
    assert seen[-1][1]["type"] == "complete"
    assert len(steps) >= LENGTH
    before = [moment for moment in steps if moment < seen[-1][0] - lasted / 4]
    assert len(before) >= 5
    assert before[-1] - before[0] > lasted / 4
    texts = "".join(frame["text"] for _, frame in seen if frame["type"] == "step")
    assert texts == seen[-1][1]["text"]


def test_who_goes_away_ends_the_run(
    slow: Site, headers: dict[str, str], counts: Callable[[], dict[str, int]]
) -> None:
    stream = Stream(slow, "generate/stream", headers, **LONG)
    next(frame for _, frame in stream.frames() if frame["type"] == "step")
    stream.leave()
    wait_for(lambda: counts().get("cancelled", 0) == 1, "the run's end", 20)


def test_who_detaches_finds_the_run_finished(
    slow: Site, headers: dict[str, str], counts: Callable[[], dict[str, int]]
) -> None:
    done, cancelled = counts().get("done", 0), counts().get("cancelled", 0)
    stream = Stream(slow, "generate/stream", headers, **BODY, detach=True)
    next(frame for _, frame in stream.frames() if frame["type"] == "step")
    stream.leave()
    wait_for(lambda: counts().get("done", 0) == done + 1, "the run's end", 40)
    assert counts().get("cancelled", 0) == cancelled


def test_who_comes_back_at_once_misses_nothing(
    slow: Site, headers: dict[str, str], counts: Callable[[], dict[str, int]]
) -> None:
    cancelled = counts().get("cancelled", 0)
    stream = Stream(slow, "generate/stream", headers, **BODY)
    texts, last, lines = [], "", iter(stream.answer)
    while len(texts) < 4:
        line = next(lines)
        if line.startswith(b"id: "):
            last = line.decode().strip().removeprefix("id: ")
        if b'"type":"step"' in line:
            texts.append(json.loads(line.removeprefix(b"data: "))["text"])
    stream.leave()
    again = Stream(slow, "generate/stream", headers | {"Last-Event-ID": last}, **BODY)
    frames = [frame for _, frame in again.frames()]
    assert frames[-1]["type"] == "complete"
    rest = [frame["text"] for frame in frames if frame["type"] == "step"]
    assert "".join(texts + rest) == frames[-1]["text"]
    assert counts().get("cancelled", 0) == cancelled


def test_a_time_limit_ends_the_run(
    slow: Site, headers: dict[str, str], counts: Callable[[], dict[str, int]]
) -> None:
    cancelled = counts().get("cancelled", 0)
    frames = [f for _, f in Stream(slow, "generate/stream", headers, **LONG, timeout=0.1).frames()]
    assert (frames[-1]["type"], frames[-1]["error_type"]) == ("error", "timeout")
    assert frames[-1]["retryable"]
    wait_for(lambda: counts().get("cancelled", 0) == cancelled + 1, "the run's end", 20)
