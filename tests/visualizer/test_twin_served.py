"""The adapted real model on a fresh set-up: a question is answered, and every step is kept."""

from __future__ import annotations

from typing import Any

import pytest

from inference.packages import PACKAGED, path_of
from tests.servers import Site
from tests.visualizer.served import client

BASE, TWIN = "smollm2-135m-instruct", "smollm2-135m-twin"
pytestmark = [
    pytest.mark.servers,
    pytest.mark.timeout(240),
    pytest.mark.skipif(path_of(BASE) is None, reason=f"{PACKAGED[BASE].command} brings the base"),
]


async def test_the_twin_answers_and_every_step_is_kept(site: Site) -> None:
    async with client(site, site.token("asker")) as peer:
        loaded = await peer.ask(type="load_model", model_path=TWIN)
        assert loaded["success"], loaded
        started = await peer.ask(
            type="initialize",
            prompt="What is the capital of France?",
            gen_length=32,
            block_length=8,
            chat=True,
            model=TWIN,
        )
        id = started["session_id"]
        await peer.send(type="resume", session_id=id, after=0)
        parameters = {"temperature": 0.0, "threshold": 1.0}
        await peer.send(type="run", session_id=id, recipe="llada2/threshold", parameters=parameters)
        steps: list[dict[str, Any]] = []
        while True:
            event = await peer.until(type="event")
            if event["event"] == "step":
                steps.append(event["payload"])
            if event["event"] == "run" and event["payload"]["status"] in ("done", "failed"):
                break
        assert event["payload"]["status"] == "done"
        numbers = [step["number"] for step in steps]
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) >= 8
        state = (await peer.ask(type="open_session", session_id=id))["state"]
        assert "Paris" in "".join(one["token"] for one in state["positions"])
