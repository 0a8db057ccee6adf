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
from collections.abc import Iterator
from typing import Any
from urllib.request import urlopen

import pytest
import torch
from websockets.asyncio.client import ClientConnection as AsyncConnection
from websockets.asyncio.client import connect as connect_async
from websockets.sync.client import ClientConnection, connect

from benchmarks import chat_page
from benchmarks.shapes import SHAPES
from benchmarks.timing import in_turn, table
from inference import packages
from inference.engine import checkpoint
from inference.engine.causal.engine import CausalEngine
from inference.engine.chat import Message, chat_ids
from inference.engine.checkpoint import LoadedModel
from tests.servers import Site

CAUSAL = "smollm2-135m-instruct"
QUESTION = "Write a long story about the sea, with a ship and a storm in it."
TOKENS, ROUNDS, WATCHERS = 48, 3, 20
DTYPE = "float32"
"""Of both sides: "auto" may choose another one for the site than the file has."""
RATIO, FIRST_MS, BEHIND_MS = 1.15, 100.0, 150.0
Frame = dict[str, Any]
_names = itertools.count()


def measure() -> Iterator[str]:
    """Lines of the report as they are measured: on the wire in both shapes, then in the browser."""
    path = packages.path_of(CAUSAL)
    if path is None:
        yield f"  {CAUSAL} is not installed: {packages.PACKAGED[CAUSAL].command}"
    else:
        model = checkpoint.load(path, dtype=DTYPE)
        for shape in SHAPES:
            yield from _on_the_wire(shape, model)
        del model
    yield from chat_page.measure()


def _on_the_wire(shape: str, model: LoadedModel) -> Iterator[str]:
    """For the packaged autoregressive model, in one shape of the site."""
    settings = {
        "DTYPE": DTYPE,
        "DEFAULT_MODEL": CAUSAL,
        "ALLOW_GUESTS": "1",
        "SOCKETS_PER_USER": str(2 * WATCHERS),
        "TORCH_THREADS": str(torch.get_num_threads()),
        "LOG_LEVEL": "WARNING",
    }
    try:
        with SHAPES[shape](**settings) as site:
            headers = _headers(site)
            with connect(
                f"{site.socket_url}/ws/chat/stream", additional_headers=headers, max_size=None
            ) as socket:
                yield from _token_lines(shape, socket, model)
            yield from asyncio.run(_watched(site, headers))
    except pytest.skip.Exception as lacking:
        yield f"  {shape}: {lacking}"


def _token_lines(shape: str, socket: ClientConnection, model: LoadedModel) -> list[str]:
    firsts: list[float] = []
    prefills: list[float] = []

    def whole() -> None:
        firsts.append(_asked(socket))

    def bare() -> None:
        prefills.append(_bare(model))

    results = in_turn({"bare loop": bare, "the whole site": whole}, ROUNDS)
    first, prefill = statistics.median(firsts), statistics.median(prefills)
    title = f"{shape}: an answer of {TOKENS} tokens, {CAUSAL}, {DTYPE}"
    lines = table(title, results, TOKENS, "bare loop")
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


async def _watched(site: Site, headers: dict[str, str]) -> list[str]:
    """How far behind the asking socket those are that watch its answer."""
    base = f"{site.socket_url}/ws"
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


def _headers(site: Site) -> dict[str, str]:
    """Those of a fresh guest, so that all sockets are one person's."""
    with urlopen(f"{site.url}/chat/", timeout=30) as answer:
        cookies = answer.headers.get_all("Set-Cookie")
    return {"Cookie": "; ".join(one.split(";")[0] for one in cookies), "Origin": site.url}


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
