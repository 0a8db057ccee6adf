"""Queued work against a served process: compared runs and a job of the Lab."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.servers import Site
from tests.visualizer.served import Client, client

pytestmark = [pytest.mark.servers, pytest.mark.timeout(150)]
RECIPES = [{"recipe": "rank/high_confidence", "tokens_per_step": 4}, {"recipe": "llada/random"}]


@pytest.fixture(scope="module")
def token(site: Site) -> str:
    return site.token("worker")


async def test_compared_runs_follow_one_another(site: Site, token: str) -> None:
    async with client(site, token) as peer:
        started = await peer.ask(type="initialize", prompt="Once upon a time", gen_length=16)
        id = started["session_id"]
        await peer.send(type="resume", session_id=id, after=0)
        await peer.send(type="compare_runs", recipes=RECIPES)
        reply = await peer.until(type="runs_queued")
        done: list[int] = []
        while len(done) < 2:
            event = await peer.until(type="event", event="run")
            if event["payload"]["status"] == "done":
                done.append(event["payload"]["branch"])
        assert done == [branch["id"] for branch in reply["branches"]]
        sides = [{"session_id": id, "branch": branch} for branch in done]
        await peer.send(type="compare_branches", sides=sides)
        told = await peer.until(type="comparison_result")
        assert [side["steps"] for side in told["sides"]] == [4, 16]
        assert sum(told["counts"].values()) == 16
        assert told["counts"]["masked"] == 0


async def test_a_job_measures_a_shipped_model(site: Site, token: str) -> None:
    order = {"recipes": ["llada/low_confidence"], "steps": [3, 9], "count": 5}
    async with client(site, token) as peer:
        reply = await peer.ask(type="lab_start", model="addition", **order)
        job = await _finished(peer, reply["job"]["id"])
        assert (job["status"], job["error"]) == ("done", None)
        assert [row["passes"] for row in job["results"]] == [3.0, 9.0]
        assert all(0 <= row["marks"]["exact"] <= 1 for row in job["results"])
    async with client(site, site.token("somebody")) as stranger:
        refused = await stranger.ask(type="lab_job", job=job["id"])
        assert refused["error_type"] == "not_found"


async def _finished(peer: Client, id: str) -> dict[str, Any]:
    while True:
        job: dict[str, Any] = (await peer.ask(type="lab_job", job=id))["job"]
        if job["status"] not in ("queued", "running"):
            return job
        await asyncio.sleep(0.2)
