"""A server of our own kind with an echo behind it, to be attacked by test_wire.

Run as `python -m tests.config.echo PORT MESSAGE_BYTES`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from config.server import build


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


async def _slow(scope: dict[str, Any], receive: Any, send: Any) -> None:
    while (await receive())["type"] == "websocket.receive":  # noqa: ASYNC110 - slow on purpose
        await asyncio.sleep(0.2)


SOCKETS = {"/echo": _echo, "/root": _root, "/flood": _flood, "/slow": _slow}

if __name__ == "__main__":
    build(echo, "127.0.0.1", int(sys.argv[1]), int(sys.argv[2]), behind_proxy=True).run()
