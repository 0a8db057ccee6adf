"""Sockets against a served process: staying in step, leaving, being turned away."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.servers import Site
from tests.visualizer.served import SECONDS, Client, client

pytestmark = [pytest.mark.servers, pytest.mark.timeout(150)]
PROMPT = "Once upon a time"
WINDOW_SECONDS = 2 * 12
"""Two windows of the limits of the fixture `site`: 60 messages at 5 a second."""


@pytest.fixture(scope="module")
def token(site: Site) -> str:
    return site.token("owner")


async def started(peer: Client, **fields: Any) -> str:
    reply = await peer.ask(type="initialize", prompt=PROMPT, gen_length=16, **fields)
    return str(reply["session_id"])


async def closing_code(socket: Any) -> int:
    with contextlib.suppress(ConnectionClosed):
        async for _ in socket:
            pass
    assert socket.close_code is not None
    return int(socket.close_code)


async def test_two_sockets_on_one_session_stay_in_step(site: Site, token: str) -> None:
    async with client(site, token) as one, client(site, token) as two:
        id = await started(one)
        opened = await two.ask(type="open_session", session_id=id)
        assert opened["type"] == "session_opened"
        assert opened["state"]["token_ids"][4:] == [9999] * 16
        await one.ask(type="apply_selection", selections={"5": 20})
        step = await two.until(type="event", event="step")
        assert step["number"] == opened["number"] + 1
        assert step["payload"]["ops"][0]["token"] == 20
        assert (await two.until(type="event", event="head"))["payload"]["number"] == 1


async def test_a_run_goes_on_without_its_socket(site: Site, token: str) -> None:
    async with client(site, token) as peer:
        id = await started(peer)
        reply = await peer.ask(type="run", recipe="rank/high_confidence", tokens_per_step=1)
        assert reply["run"]["status"] == "queued"
    async with client(site, token) as peer:
        await peer.send(type="resume", session_id=id, after=3)
        frames = []
        while not frames or frames[-1].get("payload", {}).get("status") != "done":
            frames.append(await peer.receive())
        events = [frame for frame in frames if frame["type"] == "event"]
        assert [frame["number"] for frame in events] == list(range(4, 4 + len(events)))
        assert [f["payload"]["number"] for f in events if f["event"] == "step"] == list(
            range(1, 17)
        )
        await peer.send(type="rewind", step=16)
        assert (await peer.until(type="state_update"))["is_complete"] is True


async def test_a_client_that_acknowledges_is_not_run_over(site: Site, token: str) -> None:
    async with client(site, token) as peer:
        await started(peer)
        await peer.send(type="ack", number=-1)
        assert (await peer.receive())["field"] == "number"
        await peer.send(type="ack", number=3)
        assert (await peer.ask(type="rewind", step=0))["type"] == "state_update"


async def test_one_socket_too_many_is_turned_away(site: Site) -> None:
    token = site.token("many")
    headers = {"Authorization": f"Bearer {token}"}
    address = site.socket_url + "/ws"
    sockets = [await connect(address, additional_headers=headers) for _ in range(5)]
    assert await closing_code(sockets[-1]) == 4429
    for socket in sockets[:4]:
        await socket.send('{"type":"list_sessions"}')
        await socket.close()
    for _ in range(SECONDS * 10):  # the server may still be seeing them off
        with contextlib.suppress(ConnectionClosed):
            async with client(site, token) as peer:
                assert (await peer.ask(type="list_sessions"))["sessions"] == []
                return
        await asyncio.sleep(0.1)
    raise AssertionError("no seat became free")


async def test_whoever_may_no_longer_is_sent_away(site: Site) -> None:
    token = site.token("leaver")
    async with client(site, token) as peer:
        await asyncio.to_thread(
            site.run,
            "from django.contrib.auth.models import User;"
            "print(User.objects.filter(username='leaver').update(is_active=False))",
        )  # fmt: skip
        with contextlib.suppress(ConnectionClosed):
            await peer.send(type="list_sessions")
        assert await closing_code(peer.socket) == 4401


async def test_a_flood_is_slowed_down_and_survived(site: Site, token: str) -> None:
    async with client(site, token) as peer:
        for number in range(150):
            await peer.send(type="list_sessions", request_id=f"flood-{number}")
        answers = [await peer.receive() for _ in range(150)]
        refused = [answer for answer in answers if answer["type"] == "error"]
        assert {answer["error_type"] for answer in refused} == {"rate_limit"}
        assert 0 < len(refused) < 100
        for _ in range(WINDOW_SECONDS):  # the burst of the limit makes itself up in as long
            await asyncio.sleep(1)
            again = await peer.ask(type="list_sessions")
            if again["type"] == "session_list":
                break
        assert again["type"] == "session_list"


async def test_large_messages_come_through_and_larger_ones_are_refused(
    site: Site, token: str
) -> None:
    async with client(site, token) as peer:
        await started(peer)
        rows = [[0.5] * 10_000 for _ in range(200)]
        reply = await peer.ask(type="reprocess_probabilities", raw_logits=rows)
        assert reply["result"]["source"] == "raw_logits"
        assert len(reply["result"]["positions"]) == 200
        reply = await peer.ask(type="initialize", prompt="x" * 100_000)
        assert reply["field"] == "prompt"


async def test_the_page_socket_sends_a_snapshot_and_deltas(site: Site, token: str) -> None:
    async with client(site, token) as program:
        id = await started(program)
        async with client(site, token, f"/ws/sessions/{id}/") as page:
            snapshot = await page.receive()
            assert snapshot["t"] == "snapshot"
            assert snapshot["session"]["id"] == id
            await page.send(type="forward_pass", visual_top_k=5)
            frames = await _frames(page, 8)
            told = [json.loads(text) for text in frames if text.startswith("{")]
            assert {"event", "reply"} <= {frame["t"] for frame in told}
            reply = next(frame for frame in told if frame["t"] == "reply")
            assert reply["type"] == "forward_pass_result"
            assert "result" not in reply
            assert max(map(len, frames)) < 64 * 1024
        async with client(site, token, f"/ws/sessions/{id}/?after={snapshot['number']}") as page:
            assert (await page.receive())["t"] == "event"


async def _frames(page: Client, seconds: float) -> list[str]:
    """All frames until the reply has come."""
    frames: list[str] = []
    while not any('"t":"reply"' in frame for frame in frames):
        frames.append(str(await asyncio.wait_for(page.socket.recv(), seconds)))
    with contextlib.suppress(TimeoutError):
        while True:
            frames.append(str(await asyncio.wait_for(page.socket.recv(), 1.5)))
    return frames


@pytest.mark.parametrize("id", ["00000000-0000-0000-0000-000000000000", "nothing", "foreign"])
async def test_pages_of_other_sessions_do_not_exist(site: Site, token: str, id: str) -> None:
    async with client(site, token) as program:
        own = await started(program)
    address = f"/ws/sessions/{own if id == 'foreign' else id}/"
    who = site.token("stranger") if id == "foreign" else token
    async with client(site, who, address) as page:
        assert await closing_code(page.socket) == 4404


async def test_the_log_is_clean(site: Site) -> None:
    assert "Traceback" not in site.log.read_text()
