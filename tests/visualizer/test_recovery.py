"""A process that is killed in the middle of a run costs time, never a step and never a token."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.servers import Site, embedded_site
from tests.visualizer.served import SLUG, client, write_model

pytestmark = [pytest.mark.servers, pytest.mark.timeout(150)]
LENGTH = 48


async def run_until(site: Site, token: str, number: int) -> str:
    """Start a run; the session's id as soon as step `number` has been seen."""
    async with client(site, token) as peer:
        started = await peer.ask(type="initialize", prompt="The", gen_length=LENGTH, seed=5)
        await peer.ask(type="resume", after=3)
        await peer.send(type="run", recipe="rank/random")
        while True:
            event = await peer.until(type="event", event="step")
            if event["payload"]["number"] >= number:
                return str(started["session_id"])


async def numbers_and_tokens(site: Site, token: str, id: str) -> tuple[list[int], list[int]]:
    """Follow a session from its third event to the end of its run."""
    async with client(site, token) as peer:
        await peer.send(type="resume", session_id=id, after=3)
        steps: list[int] = []
        while True:
            event = await peer.until(type="event")
            if event["event"] == "step":
                steps.append(event["payload"]["number"])
            if event["payload"].get("status") == "done":
                break
        await peer.send(type="rewind", step=LENGTH)
        opened = await peer.until(type="state_update")
        return steps, opened["state"]["token_ids"]


async def test_a_killed_server_goes_on_with_the_same_tokens(tmp_path: Path) -> None:
    write_model(tmp_path / "models" / SLUG)
    models = {"MODELS_DIR": str(tmp_path / "models"), "DEFAULT_MODEL": SLUG}
    with embedded_site(tmp_path, **models) as site:
        token = site.token("owner")
        broken = await run_until(site, token, LENGTH // 3)
        os.kill(site.web.pid, signal.SIGKILL)
        site.web.wait()
    with embedded_site(tmp_path, **models) as site:
        whole = await run_until(site, token, LENGTH)
        first, second = [await numbers_and_tokens(site, token, id) for id in (broken, whole)]
    assert first[0] == list(range(1, LENGTH + 1))
    assert first == second
