"""The sockets and the API of conversations against a served process with a slow model."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.browser.house import SLOW, housed
from tests.playground.bad import BAD
from tests.servers import Site
from tests.visualizer.served import Client, client

pytestmark = [pytest.mark.servers, pytest.mark.timeout(200)]
STREAM = "/ws/chat/stream"
TEXT = "once upon a time"
SETTINGS = {"max_new_tokens": 48, "recipe": "rank/left_to_right", "tokens_per_step": 1}
LONG = {**SETTINGS, "max_new_tokens": 160}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with housed(tmp_path_factory.mktemp("chat"), LOG_LEVEL="DEBUG") as site:
        yield site


@pytest.fixture(scope="module")
def token(site: Site) -> str:
    return site.token("owner")


async def ask(peer: Client, **fields: Any) -> dict[str, Any]:
    """Send without a type, as the seed's clients do. Returns what began."""
    return await peer.ask(**({"message": TEXT, "model": SLOW, "settings": SETTINGS} | fields))


async def to_the_end(peer: Client) -> list[dict[str, Any]]:
    frames = [await peer.receive()]
    while frames[-1]["type"] not in ("done", "error"):
        frames.append(await peer.receive())
    return frames


def joined(frames: list[dict[str, Any]]) -> str:
    return "".join(frame["token"] for frame in frames if frame["type"] == "token")


def post(site: Site, token: str, body: Any, **headers: str) -> tuple[int, dict[str, Any]]:
    given = {"Content-Type": "application/json", "Authorization": f"Bearer {token}", **headers}
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        with urlopen(Request(site.url + "/api/chat", data, given), timeout=120) as answer:
            return answer.status, json.loads(answer.read())
    except HTTPError as error:
        return error.code, json.loads(error.read())


async def test_tokens_come_while_the_model_works(site: Site, token: str) -> None:
    async with client(site, token, STREAM) as peer:
        began = await ask(peer, settings=LONG)
        assert began["type"] == "started"
        assert began["conversation_file"].startswith("chat_")
        frames, moments = [], []
        while not frames or frames[-1]["type"] != "done":
            frames.append(await peer.receive())
            moments.append(time.monotonic())
        tokens = [frame for frame in frames if frame["type"] == "token"]
        counts = [frame["token_count"] for frame in tokens]
        done = frames[-1]
        assert len(tokens) >= 5
        assert counts == sorted(counts)
        assert {frame["max_token_count"] for frame in tokens} == {160}
        assert joined(frames) == done["text"]
        assert done["token_count"] == 160
        assert done["tokens_per_second"] > 0
        assert done["finish_reason"] in ("length", "stop")
        # Everything at the end, the fault of the seed, would be one moment.
        first = moments[frames.index(tokens[0])]
        assert first - moments[0] < (moments[-1] - moments[0]) / 2
        assert sum(a < moments[-1] - 0.1 for a in moments) >= 5


async def test_a_watcher_who_comes_late_has_the_whole(site: Site, token: str) -> None:
    async with client(site, token, STREAM) as peer:
        began = await ask(peer, settings=LONG)
        for _ in range(3):
            await peer.until(type="token")
        id = began["conversation_id"]
        async with client(site, token, f"/ws/conversation/watch/{id}") as one:
            first = await one.receive()
            assert first["type"] == "conversation"
            assert [m["role"] for m in first["messages"]] == ["user", "assistant"]
            assert first["messages"][-1]["status"] == "writing"
            frames = await to_the_end(one)
        whole = await peer.until(type="done")
        assert joined(frames) == whole["text"] == frames[-1]["text"]
        assert any(frame["type"] == "draft" and "canvas" in frame for frame in frames)
        name = began["conversation_file"]
        async with client(site, token, f"/ws/conversation/watch/{name}") as two:
            last = (await two.receive())["messages"][-1]
            assert (last["content"], last["status"]) == (whole["text"], "done")


async def test_stop_from_another_socket_keeps_what_was_made(site: Site, token: str) -> None:
    async with client(site, token, STREAM) as peer:
        began = await ask(peer, settings=LONG)
        await peer.until(type="token")
        id = began["conversation_id"]
        async with client(site, token, f"/ws/conversation/watch/{id}") as other:
            await other.receive()
            await other.send(type="stop")
            assert (await other.until(type="stopping"))["message_id"] == began["message_id"]
        done = await peer.until(type="done")
        assert done["finish_reason"] == "cancelled"
        assert done["text"]
        await peer.send(type="continue", message_id=began["message_id"])
        again = await peer.until(type="started")
        assert again["message"]["prefix"] == done["text"]
        frames = await to_the_end(peer)
        assert done["text"] + joined(frames) == frames[-1]["text"]


async def test_a_request_sent_twice_is_one_generation(site: Site, token: str) -> None:
    async with client(site, token, STREAM) as peer:
        began = await ask(peer, request_id="once")
        await peer.until(type="token")
    async with client(site, token, STREAM) as peer:
        again = await ask(peer, request_id="once")
        assert again["message_id"] == began["message_id"]
        frames = await to_the_end(peer)
        assert joined(frames) == frames[-1]["text"]
    count = site.run(
        "from playground.models import Message; "
        f"print(Message.objects.filter(conversation='{began['conversation_id']}').count())"
    )
    assert count == 2


async def test_a_stranger_watches_nothing(site: Site, token: str) -> None:
    async with client(site, token, STREAM) as peer:
        began = await ask(peer)
        await to_the_end(peer)
    other = site.token("stranger")
    for id in (began["conversation_id"], began["conversation_file"], "none"):
        async with client(site, other, f"/ws/conversation/watch/{id}") as peer:
            await peer.socket.wait_closed()
            assert peer.socket.close_code == 4404
    async with client(site, other, STREAM) as peer:
        refused = await ask(peer, conversation_id=began["conversation_id"])
        assert refused["error_type"] == "not_found"


async def test_bad_requests_are_answered_by_field(site: Site, token: str) -> None:
    async with client(site, token, STREAM) as peer:
        for body, field in BAD:
            reply = await peer.ask(**body)
            assert (reply["type"], reply.get("field")) == ("error", field), body
            await asyncio.sleep(0.02)
        assert (await ask(peer))["type"] == "started"


def test_the_whole_answer_over_http(site: Site, token: str) -> None:
    body = {"message": TEXT, "settings": SETTINGS}
    status, told = post(site, token, body)
    assert status == 200
    assert told["message"]["role"] == "assistant"
    assert told["message"]["content"]
    assert told["usage"]["completion_tokens"] == 48
    assert told["finish_reason"] in ("length", "stop")
    named = {**body, "conversation_id": told["conversation_file"]}
    assert post(site, token, named)[1]["conversation_id"] == told["conversation_id"]
    log = site.log.read_text()
    assert "token_sender is None, tokens not being streamed!" in log
    assert TEXT not in log


async def test_the_log_tells_of_the_stream(site: Site, token: str) -> None:
    async with client(site, token, STREAM) as peer:
        await ask(peer)
        frames = await to_the_end(peer)
    log = site.log.read_text()
    assert "[WS_CHAT]" in log
    assert "via channel" in log
    assert "[GENERATION] Token #" in log
    assert frames[-1]["text"] not in log
