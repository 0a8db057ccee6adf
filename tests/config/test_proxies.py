"""Behind proxies: sockets are upgraded, and tokens come through while the model works."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from tests.browser.house import SLOW, housed
from tests.proxies import development_proxy, nginx
from tests.servers import Site, free_port

pytestmark = [pytest.mark.servers, pytest.mark.timeout(200)]
TOKENS = 120
SETTINGS = {"max_new_tokens": TOKENS, "recipe": "rank/left_to_right", "tokens_per_step": 1}
REQUEST = {"message": "once upon a time", "model": SLOW, "settings": SETTINGS}
DEVELOPMENT = f"http://localhost:{free_port()}"
"""Where the pages of a development server come from."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with housed(tmp_path_factory.mktemp("behind"), TRUSTED_ORIGINS=DEVELOPMENT) as site:
        yield site


@pytest.fixture(scope="module", params=["nginx", "development"])
def port(request: pytest.FixtureRequest, site: Site) -> Iterator[int]:
    behind = {"nginx": nginx, "development": development_proxy}[request.param]
    with behind(int(site.env["PORT"])) as port:
        yield port


@pytest.fixture(scope="module")
def token(site: Site) -> str:
    return site.token("owner")


def opened(port: int, token: str, path: str = "/ws/chat/stream") -> Any:
    headers = {"Authorization": f"Bearer {token}"}
    return connect(f"ws://127.0.0.1:{port}{path}", additional_headers=headers, max_size=None)


async def to_the_end(socket: ClientConnection) -> list[tuple[float, dict[str, Any]]]:
    frames = []
    async for text in socket:
        frames.append((time.monotonic(), json.loads(text)))
        if frames[-1][1]["type"] in ("done", "error"):
            return frames
    raise AssertionError("the socket ended before the answer")


def assert_spread(moments: list[float]) -> None:
    """At least five, over most of the time: not everything at the end."""
    assert len(moments) >= 5
    whole = moments[-1] - moments[0]
    assert sum(moment < moments[-1] - whole / 4 for moment in moments) >= 4


async def test_tokens_come_through_a_socket_one_by_one(port: int, token: str) -> None:
    async with opened(port, token) as socket:
        await socket.send(json.dumps(REQUEST))
        frames = await to_the_end(socket)
    assert frames[0][1]["type"] == "started"
    tokens = [(at, frame["token"]) for at, frame in frames if frame["type"] == "token"]
    assert_spread([at for at, _ in tokens])
    assert "".join(text for _, text in tokens) == frames[-1][1]["text"]


async def test_a_watcher_behind_the_proxy_has_the_whole(port: int, site: Site, token: str) -> None:
    async with opened(int(site.env["PORT"]), token) as asking:
        await asking.send(json.dumps(REQUEST))
        id = json.loads(await asking.recv())["conversation_id"]
        async with opened(port, token, f"/ws/conversation/watch/{id}") as socket:
            frames = await to_the_end(socket)
        assert frames[0][1]["type"] == "conversation"
        assert frames[-1][1]["text"] == (await to_the_end(asking))[-1][1]["text"]


def test_events_of_a_plain_stream_are_not_gathered(port: int, token: str) -> None:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    body = {"prompt": "once upon a time", "model": SLOW, "max_new_tokens": 64, "steps": 64}
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    line.request("POST", "/api/diffusion/generate/stream", json.dumps(body), headers)
    answer = line.getresponse()
    assert answer.status == 200, answer.read()
    moments = []
    while part := answer.readline():
        if part.startswith(b"data:"):
            moments.append(time.monotonic())
    assert_spread(moments)


def test_the_whole_answer_comes_too(port: int, token: str) -> None:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    settings = {**SETTINGS, "max_new_tokens": 8}
    line.request("POST", "/api/chat", json.dumps({**REQUEST, "settings": settings}), headers)
    answer = line.getresponse()
    assert answer.status == 200
    assert json.loads(answer.read())["usage"]["completion_tokens"] == 8


def cookie_of(port: int) -> str:
    """That of a fresh guest, as a page has it."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    line.request("GET", "/chat/")
    cookies = line.getresponse().headers.get_all("Set-Cookie") or []
    return "; ".join(cookie.split(";")[0] for cookie in cookies)


async def test_pages_of_a_development_server_open_sockets_if_it_is_trusted(site: Site) -> None:
    with development_proxy(int(site.env["PORT"])) as port:
        headers = {"Cookie": cookie_of(port)}
        address = f"ws://127.0.0.1:{port}/ws/chat/stream"
        given: Any = {"additional_headers": headers, "origin": DEVELOPMENT}
        async with connect(address, **given) as socket:
            await socket.send(json.dumps({"type": "stop"}))
            assert json.loads(await socket.recv())["field"] == "conversation_id"
        code = await refusal(address, headers, "http://elsewhere.example")
        assert code in (4403, 403)


async def refusal(address: str, headers: dict[str, str], origin: str) -> int | None:
    """The close code, or the status, with which a page of that origin is refused."""
    try:
        given: Any = {"additional_headers": headers, "origin": origin}
        async with connect(address, **given) as socket:
            await socket.wait_closed()
            return socket.close_code
    except InvalidStatus as error:
        return error.response.status_code


async def test_a_page_behind_nginx_opens_its_socket(site: Site) -> None:
    """Its Origin is the proxy's address, which Host has to tell the site."""
    with nginx(int(site.env["PORT"])) as port:
        headers = {"Cookie": cookie_of(port)}
        address = f"ws://127.0.0.1:{port}/ws/chat/stream"
        given: Any = {"additional_headers": headers, "origin": f"http://127.0.0.1:{port}"}
        async with connect(address, **given) as socket:
            await socket.send(json.dumps({"type": "stop"}))
            assert json.loads(await socket.recv())["field"] == "conversation_id"
