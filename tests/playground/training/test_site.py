"""A training across processes: Redis, PostgreSQL, a worker that dies and one that goes on."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.playground.training.working import TEXT, TINY
from tests.servers import Site, fresh_database, full_site, wait_for, worker
from tests.tiny import tiny_model
from tests.visualizer.served import Client, client

pytestmark = [pytest.mark.servers, pytest.mark.timeout(400)]
STEPS, MORE = 4000, 300

BEGIN = """
import json
from django.contrib.auth.models import User
from core.commands.submit import submit
from playground.training.commands import COMMANDS
from playground.training.services.texts import create_text
owner = User.objects.get(username="owner")
text = create_text(owner=owner, name="Cats", text={text!r})
message = dict(type="train", kind="characters", text_id=text.pk, sizes={sizes}, steps={steps})
print(submit(COMMANDS, user=owner, channel="api", message=message).reply)
"""
KEPT = """
import json
from playground.training.models import Training
row = Training.objects.get(pk="{id}")
moments = list(row.moments.values_list("step", flat=True))
curve = list(row.points.values_list("first", "step"))
print(json.dumps([row.state, row.step, row.stretches, moments, curve]))
"""


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory, redis_url: str, postgres_url: str
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("training-site")
    tiny_model(folder / "models" / "tiny")
    settings = {"MODELS_DIR": str(folder / "models"), "DEFAULT_MODEL": "tiny"}
    with full_site(folder, redis_url, fresh_database(postgres_url, "training"), **settings) as site:
        yield site


class Watcher:
    """One socket of a training: the curve as its frames tell it."""

    def __init__(self, peer: Client) -> None:
        self._peer, self.curve, self.rewound = peer, list[list[int]](), list[int]()

    async def ask(self, **message: Any) -> None:
        await self._peer.send(**message)

    async def to_points(self, count: int) -> None:
        """Until so many more have been told."""
        wanted = len(self.curve) + count
        while len(self.curve) < wanted:
            await self._next()

    async def to_state(self, *states: str) -> dict[str, Any]:
        """Until one of these is told as an event."""
        while True:
            frame = await self._next()
            if "number" in frame and frame.get("status", {}).get("state") in states:
                return frame

    async def _next(self) -> dict[str, Any]:
        frame = await self._peer.receive()
        assert frame["type"] != "error", frame
        if frame["type"] == "rewound":
            self.rewound.append(frame["step"])
            self.curve = [one for one in self.curve if one[1] <= frame["step"]]
        self.curve += [[one["first"], one["step"]] for one in frame.get("points", [])]
        return frame


def checkpoint(site: Site) -> int:
    """The step at which the only training would go on."""
    with psycopg.connect(site.env["DATABASE_URL"]) as database:
        row = database.execute("SELECT step FROM training_training").fetchone()
    return row[0] if row else 0


async def test_a_training_is_paused_goes_on_survives_its_worker_and_is_made_longer(
    site: Site, tmp_path: Path
) -> None:
    token = site.token("owner")
    begun = site.run(BEGIN.format(text=TEXT, sizes=TINY, steps=STEPS))
    id = begun["training_id"]
    async with client(site, token, f"/ws/training/{id}") as peer:
        watcher = Watcher(peer)
        await watcher.to_points(2)
        await watcher.ask(type="pause")
        await watcher.to_state("paused")
        await asyncio.to_thread(wait_for, lambda: checkpoint(site) > 0, "the checkpoint")
        held = checkpoint(site)
        assert held < STEPS
        await watcher.ask(type="resume")
        await watcher.to_points(2)
        os.kill(site.workers[0].pid, signal.SIGKILL)
        with worker(tmp_path, site.env):
            await watcher.to_state("done")
            await watcher.ask(type="extend", steps=MORE)
            await watcher.to_state("done")
            state, step, stretches, moments, curve = site.run(KEPT.format(id=id))
    assert (state, step) == ("done", STEPS + MORE)
    assert stretches == [[0, STEPS], [STEPS, STEPS + MORE]]
    assert (moments[0], moments[-1]) == (0, STEPS + MORE)
    assert (curve[0][0], curve[-1][1]) == (1, STEPS + MORE)
    assert all(before[1] + 1 == after[0] for before, after in pairwise(curve))
    assert watcher.curve == curve
    assert watcher.rewound[-1] >= held
