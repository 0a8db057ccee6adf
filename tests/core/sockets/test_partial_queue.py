"""Partials behind the events: the newest of each kind, once, and every error."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from core.sockets import partial_queue as module
from core.sockets.partial_queue import PartialQueue


class Screen:
    """Renders payloads as text and keeps what was sent."""

    def __init__(self) -> None:
        self.rendered: list[str] = []
        self.sent: list[str] = []
        self.queue = PartialQueue(self.render, self.send, frozenset({"staged"}))

    async def render(self, type: str, payload: dict[str, Any]) -> str:
        text = f"{type} {payload.get('words', payload.get('error', ''))}"
        self.rendered.append(text)
        if payload.get("words") == "broken":
            raise RuntimeError("no such template")
        return text

    async def send(self, html: str) -> None:
        self.sent.append(html)

    async def settle(self) -> None:
        for _ in range(20):  # however late it is, the loop has as many turns
            await asyncio.sleep(0.005)


@pytest.fixture
def pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.005)


@pytest.mark.usefixtures("pause")
async def test_of_several_only_the_newest_is_rendered() -> None:
    screen = Screen()
    for words in ("queued", "running", "done"):
        screen.queue.want("run", {"words": words})
    screen.queue.want("staged", {"words": "2 picks"})
    assert screen.sent == []  # whoever tells of an event does not wait
    await screen.settle()
    assert screen.rendered == screen.sent == ["run done", "staged 2 picks"]


@pytest.mark.usefixtures("pause")
async def test_what_looks_the_same_is_not_sent_again() -> None:
    screen = Screen()
    for words in ("ready", "ready", "loading", "ready"):
        screen.queue.want("model", {"words": words})
        await screen.settle()
    assert screen.sent == ["model ready", "model loading", "model ready"]


@pytest.mark.usefixtures("pause")
async def test_every_error_is_told_though_others_follow_it() -> None:
    screen = Screen()
    screen.queue.want("run", {"error": "first"})
    screen.queue.want("run", {"error": "second"})
    screen.queue.want("run", {"words": "running"})
    screen.queue.want("run", {"error": "second"})
    await screen.settle()
    assert screen.sent == ["run first", "run second", "run running", "run second"]


@pytest.mark.usefixtures("pause")
async def test_one_that_cannot_be_rendered_does_not_keep_the_others_back() -> None:
    screen = Screen()
    screen.queue.want("run", {"words": "broken"})
    screen.queue.want("model", {"words": "ready"})
    await screen.settle()
    assert screen.sent == ["model ready"]
    screen.queue.want("run", {"words": "done"})
    await screen.settle()
    assert screen.sent == ["model ready", "run done"]


@pytest.mark.usefixtures("pause")
async def test_nothing_is_sent_to_a_page_that_has_gone() -> None:
    screen = Screen()
    screen.queue.want("run", {"words": "done"})
    screen.queue.close()
    await screen.settle()
    assert screen.sent == []
