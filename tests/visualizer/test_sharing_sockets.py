"""The socket of a shared session, served for real: it shows everything and changes nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.servers import Site
from tests.visualizer.served import Client, client
from tests.visualizer.test_sockets import closing_code, started

pytestmark = [pytest.mark.servers, pytest.mark.timeout(150)]


@pytest.fixture(scope="module")
def token(site: Site) -> str:
    return site.token("sharer")


async def told(peer: Client, **wanted: Any) -> dict[str, Any]:
    """The next JSON frame with these values; partials are passed over."""
    while True:
        text = str(await asyncio.wait_for(peer.socket.recv(), 30))
        frame: dict[str, Any] = json.loads(text) if text.startswith("{") else {}
        if wanted.items() <= frame.items():
            return frame


async def shared(peer: Client) -> tuple[str, dict[str, Any]]:
    """A fresh session's id, and its link."""
    id = await started(peer)
    return id, await peer.ask(type="share", name="a friend")


async def test_a_reader_follows_a_run_and_branches_made_later(site: Site, token: str) -> None:
    async with client(site, token) as owner:
        id, link = await shared(owner)
        async with client(site, path=f"/ws{link['path']}") as reader:
            snapshot = await told(reader, t="snapshot")
            assert snapshot["session"]["id"] == id
            await owner.send(type="run", recipe="rank/high_confidence", tokens_per_step=4)
            seen = [await told(reader, t="event", type="step") for _ in range(4)]
            assert [step["payload"]["number"] for step in seen] == [1, 2, 3, 4]
            await owner.send(type="branch", step=2, name="later")
            branch = await told(reader, t="event", type="branch")
            assert branch["payload"]["name"] == "later"
            await reader.send(type="resume", after=snapshot["number"])
            assert (await told(reader, t="reply"))["type"] == "resumed"
            again = await told(reader, t="event")
            assert again["number"] == snapshot["number"] + 1
        late = f"/ws{link['path']}?after={branch['number'] - 1}"
        async with client(site, path=late) as reader:
            assert (await told(reader, t="event"))["number"] == branch["number"]


@pytest.mark.parametrize("who", ["nobody", "a friend", "the owner"])
async def test_whatever_would_change_something_is_refused_and_the_socket_lives(
    site: Site, token: str, who: str
) -> None:
    names = {"nobody": "", "a friend": site.token("reader"), "the owner": token}
    async with client(site, token) as owner:
        id, link = await shared(owner)
        async with client(site, names[who], f"/ws{link['path']}") as reader:
            number = (await told(reader, t="snapshot"))["number"]
            for message in (
                {"type": "forward_pass"},
                {"type": "rewind", "step": 0},
                {"type": "delete_session"},
                {"type": "share"},
                {"type": "open_session", "session_id": id},
                {"type": "list_sessions"},
            ):
                await reader.send(**message, request_id="r")
                error = await told(reader, t="error")
                assert (error["error_type"], error["request_id"]) == ("auth", "r"), message
                assert "copy" in error["message"]
            await reader.socket.send("{")
            assert (await told(reader, t="error"))["error_type"] == "validation"
            await reader.socket.send(b"\x00\xff")
            assert (await told(reader, t="error"))["error_type"] == "validation"
            await reader.send(type="regrets")
            assert (await told(reader, t="reply"))["number"] == 0
            await reader.send(type="ack", number=number)
        await owner.send(type="resume", after=number)
        assert (await owner.until(type="resumed"))["number"] == number


async def test_a_reader_s_socket_knows_one_session_alone(site: Site, token: str) -> None:
    stranger = site.token("other-sharer")
    async with client(site, token) as owner, client(site, stranger) as other:
        _, link = await shared(owner)
        foreign = await started(other)
        async with client(site, path=f"/ws{link['path']}") as reader:
            await told(reader, t="snapshot")
            await reader.send(type="resume", session_id=foreign)
            assert (await told(reader, t="error"))["error_type"] == "not_found"
            await other.send(type="apply_selection", selections={"5": 20})
            await other.until(type="state_update")
            await reader.send(type="regrets")
            frames = [await told(reader)]
            while frames[-1].get("t") != "reply":
                frames.append(await told(reader))
            assert [frame for frame in frames if frame.get("type") == "step"] == []


async def test_a_revoked_link_closes_its_sockets_soon(site: Site, token: str) -> None:
    async with client(site, token) as owner:
        _, link = await shared(owner)
        async with client(site, path=f"/ws{link['path']}") as reader:
            await told(reader, t="snapshot")
            await owner.ask(type="unshare", link=link["link"]["id"])
            async with asyncio.timeout(20):
                assert await closing_code(reader.socket) == 4404
        async with client(site, path=f"/ws{link['path']}") as reader:
            assert await closing_code(reader.socket) == 4404


async def test_deleting_the_session_closes_too(site: Site, token: str) -> None:
    async with client(site, token) as owner:
        _, link = await shared(owner)
        async with client(site, path=f"/ws{link['path']}") as reader:
            await told(reader, t="snapshot")
            await owner.ask(type="delete_session")
            with contextlib.suppress(ConnectionClosed):
                await reader.send(type="regrets")
            assert await closing_code(reader.socket) == 4404


@pytest.mark.parametrize("path", ["x" * 43, "%00", "a.b", "-"])
async def test_unknown_links_are_closed_with_4404(site: Site, path: str) -> None:
    async with client(site, path=f"/ws/r/{path}/") as reader:
        assert await closing_code(reader.socket) == 4404


async def test_no_token_is_in_the_log(site: Site, token: str) -> None:
    async with client(site, token) as owner:
        _, link = await shared(owner)
        assert site.get(link["path"])[0] == 200
        assert site.get(f"{link['path']}no-such-page/")[0] == 404
        await owner.ask(type="unshare", link=link["link"]["id"])
        assert site.get(link["path"])[0] == 404
    text = site.log.read_text()
    assert "/r/[redacted]" in text  # the request's line is there, its token is not
    assert link["token"] not in text
    assert "Traceback" not in text


async def test_a_reader_s_socket_needs_and_makes_no_account(site: Site, token: str) -> None:
    count = "from django.contrib.auth.models import User; print(User.objects.count())"
    async with client(site, token) as owner:
        _, link = await shared(owner)
        before = await asyncio.to_thread(site.run, count)
        async with client(site, path=f"/ws{link['path']}") as reader:
            assert (await told(reader, t="snapshot"))["session"]["gen_length"] == 16
        assert await asyncio.to_thread(site.run, count) == before
