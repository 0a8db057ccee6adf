"""A server of our own kind with an echo behind it, to be attacked by test_protocols.

Run as `python -m tests.config.echo PORT MESSAGE_BYTES [NAME=NUMBER …]`; names are those of
constants in config.protocols.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from config.server import build

LARGE = 10 * 1024 * 1024


async def echo(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """HTTP: root path, client and the body's length. Sockets by path: echo, flood, slow."""
    if scope["type"] == "http":
        await _http(scope, receive, send)
        return
    await receive()
    await send({"type": "websocket.accept"})
    await SOCKETS[scope["path"]](scope, receive, send)


async def _http(scope: dict[str, Any], receive: Any, send: Any) -> None:
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    told = {"root_path": scope["root_path"], "client": scope["client"][0], "size": size}
    body = json.dumps(told).encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


async def _echo(scope: dict[str, Any], receive: Any, send: Any) -> None:
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message.get("text") or "bytes"})


async def _root(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await send({"type": "websocket.send", "text": f"root:{scope['root_path']}"})
    await receive()


async def _flood(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Sends for ever to whoever does not read, until the server cuts the line."""
    while True:
        await send({"type": "websocket.send", "text": "x" * 100_000})
        await asyncio.sleep(0.001)


async def _large(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Messages of the largest size, for ever, whether they are read or not."""
    while True:
        await send({"type": "websocket.send", "text": "é" * (LARGE // 2)})


async def _together(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Several senders at once; each message is of one letter. Then a close with a reason."""

    async def one(letter: str) -> None:
        for size in (300_000, 1, 70_000):
            await send({"type": "websocket.send", "text": letter * size})

    await asyncio.gather(*map(one, "abc"))
    await send({"type": "websocket.send", "bytes": b"\x00" * 200_000})
    await send({"type": "websocket.close", "code": 4403, "reason": "because"})


async def _late(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Goes on sending when the client has gone."""
    await receive()
    for _ in range(20):
        await send({"type": "websocket.send", "text": "x"})
        await asyncio.sleep(0.05)


async def _slow(scope: dict[str, Any], receive: Any, send: Any) -> None:
    while (await receive())["type"] == "websocket.receive":  # noqa: ASYNC110 - slow on purpose
        await asyncio.sleep(0.2)


SOCKETS = {
    "/echo": _echo,
    "/root": _root,
    "/flood": _flood,
    "/large": _large,
    "/together": _together,
    "/late": _late,
    "/slow": _slow,
}

if __name__ == "__main__":
    from config import protocols  # after the server: that one installs the reactor

    for name, _, value in (word.partition("=") for word in sys.argv[3:]):
        setattr(protocols, name, float(value))
    build(echo, "127.0.0.1", int(sys.argv[1]), int(sys.argv[2]), behind_proxy=True).run()
