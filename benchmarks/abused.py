"""What stands behind every server of benchmarks.servers: plain ASGI, no framework.

`python -m benchmarks.abused PORT` serves it with this project's own Daphne.
"""

from __future__ import annotations

import asyncio
from typing import Any

LITTLE, LARGE = 100_000, 10 * 1024 * 1024


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """HTTP: reads the body. Sockets by path: /echo, /slow, /little and /large (send for ever)."""
    kinds = {"lifespan": _lifespan, "http": _http, "websocket": _socket}
    await kinds[scope["type"]](scope, receive, send)


async def _lifespan(scope: dict[str, Any], receive: Any, send: Any) -> None:
    while (await receive())["type"] != "lifespan.shutdown":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})


async def _http(scope: dict[str, Any], receive: Any, send: Any) -> None:
    while (message := await receive()).get("more_body", False):
        if message["type"] == "http.disconnect":
            return
    head = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": b"ok"})


async def _socket(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    path = scope["path"]
    if path in ("/little", "/large"):
        await _flood(LITTLE if path == "/little" else LARGE, send)
    while (message := await receive())["type"] == "websocket.receive":
        if path == "/echo":
            await send({"type": "websocket.send", "text": message.get("text") or "bytes"})
        else:
            await asyncio.sleep(0.2)


async def _flood(size: int, send: Any) -> None:
    while True:
        await send({"type": "websocket.send", "text": "x" * size})
        await asyncio.sleep(0.001)


if __name__ == "__main__":
    import sys

    from config.server import build

    build(app, "127.0.0.1", int(sys.argv[1]), LARGE).run()
