"""What a token of a chat costs on its way to whoever looks.

An answer is followed over `/ws/chat/stream`, beside the same tokens in a bare loop over the engine,
in turn; then several sockets watch one answer.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import statistics
import time
from typing import Any
from urllib.request import urlopen

import torch
from websockets.asyncio.client import ClientConnection as AsyncConnection
from websockets.asyncio.client import connect as connect_async
from websockets.sync.client import ClientConnection, connect

from benchmarks import chat_page
from benchmarks.served import serving
from benchmarks.timing import in_turn, table
from inference import packages
from inference.engine import checkpoint
from inference.engine.causal.engine import CausalEngine
from inference.engine.chat import Message, chat_ids
from inference.engine.checkpoint import LoadedModel

CAUSAL = "smollm2-135m-instruct"
QUESTION = "Write a long story about the sea, with a ship and a storm in it."
TOKENS, ROUNDS, WATCHERS = 48, 5, 20
DTYPE = "float32"
"""Of both sides: "auto" may choose another one for the site than the file has."""
RATIO, FIRST_MS, BEHIND_MS = 1.15, 100.0, 150.0
Frame = dict[str, Any]
_names = itertools.count()


def measure() -> list[str]:
    """Lines of the report: on the wire, then in the browser."""
    return [*_on_the_wire(), *chat_page.measure()]


def _on_the_wire() -> list[str]:
    """For the packaged autoregressive model."""
    path = packages.path_of(CAUSAL)
    if path is None:
        command = packages.PACKAGED[CAUSAL].command
        return [f"  {CAUSAL} is not installed: {command}"]
    model = checkpoint.load(path, dtype=DTYPE)
    settings = {"DTYPE": DTYPE, "SOCKETS_PER_USER": str(2 * WATCHERS)}
    with serving(torch.get_num_threads(), **settings) as server:
        address = f"ws://{server.address}/ws/chat/stream"
        with connect(address, max_size=None) as socket:
            lines = _token_lines(socket, model)
        return [*lines, *asyncio.run(_watched(server.address))]


def _token_lines(socket: ClientConnection, model: LoadedModel) -> list[str]:
    firsts: list[float] = []
    prefills: list[float] = []

    def whole() -> None:
        firsts.append(_asked(socket))

    def bare() -> None:
        prefills.append(_bare(model))

    results = in_turn({"bare loop": bare, "the whole site": whole}, ROUNDS)
    first, prefill = statistics.median(firsts), statistics.median(prefills)
    lines = table(f"an answer of {TOKENS} tokens, {CAUSAL}, {DTYPE}", results, TOKENS, "bare loop")
    ratio = results["the whole site"].over(results["bare loop"])
    return [
        *lines,
        f"  ratio {ratio:.2f}, budget {RATIO}",
        f"  first token {first * 1000:.0f} ms after sending, prefill {prefill * 1000:.0f} ms: "
        f"{(first - prefill) * 1000:.0f} ms between, budget {FIRST_MS:.0f}",
    ]


def _request() -> Frame:
    """A question that no prefix of an earlier one answers from the cache."""
    text = f"{next(_names)}: {QUESTION}"
    return {"message": text, "model": CAUSAL, "settings": {"max_new_tokens": TOKENS}}


def _asked(socket: ClientConnection) -> float:
    """Send and follow to the end. Returns the seconds to the first token."""
    began, first = time.monotonic(), 0.0
    socket.send(json.dumps(_request()))
    while True:
        frame = json.loads(socket.recv(timeout=120))
        if frame["type"] == "error":
            raise RuntimeError(frame["message"])
        if frame["type"] == "token":
            first = first or time.monotonic() - began
        if frame["type"] == "done":
            if frame["token_count"] != TOKENS:
                raise RuntimeError(f"{frame['token_count']} tokens came, expected {TOKENS}")
            return first


def _bare(model: LoadedModel) -> float:
    """The same in the engine alone. Returns the seconds to its first token."""
    ids = chat_ids(model, [Message("user", _request()["message"])])
    began, first = time.monotonic(), 0.0
    for _ in CausalEngine(model).generate(ids, max_tokens=TOKENS, end=False):
        first = first or time.monotonic() - began
    return first


async def _watched(address: str) -> list[str]:
    """How far behind the asking socket those are that watch its answer."""
    headers = {"Cookie": _cookie(address), "Origin": f"http://{address}"}
    base = f"ws://{address}/ws"
    async with connect_async(f"{base}/chat/stream", additional_headers=headers) as asking:
        request = {**_request(), "settings": {"max_new_tokens": 4 * TOKENS}}
        await asking.send(json.dumps(request))
        id = json.loads(await asking.recv())["conversation_id"]
        watch = f"{base}/conversation/watch/{id}"
        watching = [
            await connect_async(watch, additional_headers=headers, max_size=None)
            for _ in range(WATCHERS)
        ]
        told, *others = await asyncio.gather(*map(_arrivals, [asking, *watching]))
        for socket in watching:
            await socket.close()
    behind = sorted(lag for one in others for lag in _lags(told, one))
    p95 = behind[int(0.95 * len(behind))] * 1000
    return [
        f"  {WATCHERS} watchers of one answer: p95 {p95:.0f} ms behind the asking socket, "
        f"budget {BEHIND_MS:.0f} ({len(behind)} frames)"
    ]


def _cookie(address: str) -> str:
    """That of a fresh guest, so that all sockets are one person's."""
    with urlopen(f"http://{address}/chat/", timeout=30) as answer:
        cookies = answer.headers.get_all("Set-Cookie")
    return "; ".join(cookie.split(";")[0] for cookie in cookies)


async def _arrivals(socket: AsyncConnection) -> list[tuple[int, float]]:
    """(characters so far, moment) of every token frame, to the answer's end."""
    found: list[tuple[int, float]] = []
    async for text in socket:
        frame = json.loads(text)
        if frame["type"] == "token":
            found.append((frame["offset"] + len(frame["token"]), time.monotonic()))
        if frame["type"] in ("done", "error"):
            break
    return found


def _lags(told: list[tuple[int, float]], other: list[tuple[int, float]]) -> list[float]:
    """Seconds by which one socket had as much text later than another; what it had first counts 0.

    The first frame of a watcher is all that came before it connected, and is left out.
    """
    lags = []
    for characters, moment in other[1:]:
        there = next((at for size, at in told if size >= characters), moment)
        lags.append(max(0.0, moment - there))
    return lags
