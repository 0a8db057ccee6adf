"""What one socket waits for its answer while others open pages, exports and large answers.

In both shapes. A probe sends a small command again and again: first alone, then while ten threads
fetch pages and exports of a large session, then while one socket asks for the whole of that session
again and again. Every figure is printed as it comes, and each part has its end by the clock.

    python -m benchmarks.crowd [--places 1024] [--seconds 20] [--shapes embedded site]
"""

from __future__ import annotations

import argparse
import json
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import Request, urlopen

import pytest
import torch
from websockets.sync.client import connect

from benchmarks.page import PLACES, SLUG, wide_model
from benchmarks.shapes import SHAPES

PEOPLE, PROBES, STEPS = 10, 150, 128
PART_SECONDS, RUN_SECONDS = 20.0, 120.0
"""A part ends after so many probes or so long; the large session has so long to be written."""
P99_MS = 50.0
EXPORTS = ("json", "csv", "txt")
Ask = Callable[..., dict[str, object]]


class Guest:
    """Somebody without an account: one cookie for pages and sockets."""

    def __init__(self, address: str) -> None:
        self.address = address
        with urlopen(f"http://{address}/", timeout=60) as answer:
            cookies = answer.headers.get_all("Set-Cookie")
        self.headers = {"Cookie": "; ".join(cookie.split(";")[0] for cookie in cookies)}

    def fetch(self, path: str) -> int:
        """Bytes of a page."""
        request = Request(f"http://{self.address}{path}", headers=self.headers)
        with urlopen(request, timeout=120) as answer:
            return len(answer.read())

    @contextmanager
    def socket(self) -> Iterator[Ask]:
        """ask(type, answer, **fields) on a socket of theirs."""
        headers = {**self.headers, "Origin": f"http://{self.address}"}
        url = f"ws://{self.address}/ws"
        with connect(url, additional_headers=headers, max_size=None) as socket:

            def ask(type: str, answer: str, **fields: object) -> dict[str, object]:
                socket.send(json.dumps({"type": type, **fields}))
                while True:
                    message: dict[str, object] = json.loads(socket.recv(timeout=300))
                    if message["type"] == "error":
                        raise RuntimeError(message["message"])
                    if message["type"] == answer:
                        return message

            yield ask


def measure(
    places: int = PLACES, seconds: float = PART_SECONDS, shapes: tuple[str, ...] = ()
) -> Iterator[str]:
    """Lines of the report as they come: p50 and p99 of the probe's answers, in milliseconds."""
    yield f"a small command's answer beside a session of {places} places, {STEPS} steps (ms)"
    with TemporaryDirectory(prefix="unmask-bench-models-") as folder:
        wide_model(Path(folder) / SLUG)
        settings = {"MODELS_DIR": folder, "ALLOW_GUESTS": "1", "HTTP_RATE": "100000/m"}
        settings |= {"SOCKET_RATE": "1000", "SOCKET_BURST": "10000"}
        settings |= {"TORCH_THREADS": str(torch.get_num_threads()), "LOG_LEVEL": "WARNING"}
        for shape in shapes or SHAPES:
            yield f"  {shape}"
            try:
                with SHAPES[shape](**settings) as site:
                    yield from _lines(site.url.removeprefix("http://"), places, seconds)
            except pytest.skip.Exception as lacking:
                yield f"    {lacking}"
    yield f"  budget for the p99 of others: {P99_MS:.0f} ms where the machine has cores to spare"


def _lines(address: str, places: int, seconds: float) -> Iterator[str]:
    owner, other = Guest(address), Guest(address)
    with owner.socket() as ask:
        session = _large_session(ask, places)
        pages = [f"/sessions/{session}/", *(f"/sessions/{session}/export/{x}/" for x in EXPORTS)]
        alone = _probe(other, seconds)
        yield _line("alone", alone, alone)
        with _crowd([partial(owner.fetch, page) for page in pages], PEOPLE) as done:
            crowded = _probe(other, seconds)
        name = f"{PEOPLE} people fetch pages and exports ({len(done)} of them)"
        yield _line(name, crowded, alone)
        size = len(json.dumps(_large_answer(ask, session)))
        with _crowd([lambda: _large_answer(ask, session)], 1) as done:
            large = _probe(other, seconds)
        yield _line(f"one socket is sent {size / 1e3:.0f} kB, {len(done)} times", large, alone)


def _large_session(ask: Ask, places: int) -> object:
    """A finished session. Raises TimeoutError."""
    ask("load_model", "model_load_result", model_path=SLUG)
    told = {"prompt": "Tell a story about Ben.", "gen_length": places, "model": SLUG}
    id = ask("initialize", "state_update", **told)["session_id"]
    pace = max(1, places // STEPS)
    ask("run", "run_changed", recipe="rank/high_confidence", tokens_per_step=pace)
    latest = time.monotonic() + RUN_SECONDS
    while not ask("open_session", "session_opened", session_id=id)["is_complete"]:
        if time.monotonic() > latest:
            raise TimeoutError(f"the session was not written within {RUN_SECONDS:.0f} s")
        time.sleep(1)
    return id


def _large_answer(ask: Ask, session: object) -> dict[str, object]:
    return ask("open_session", "session_opened", session_id=session)


def _probe(guest: Guest, seconds: float) -> list[float]:
    """Seconds that each answer took: PROBES of them, or as many as there were in that time."""
    found: list[float] = []
    latest = time.monotonic() + seconds
    with guest.socket() as ask:
        while len(found) < PROBES and time.monotonic() < latest:
            began = time.perf_counter()
            ask("list_presets", "preset_list")
            found.append(time.perf_counter() - began)
            time.sleep(0.02)
    return found


@contextmanager
def _crowd(work: list[Callable[[], object]], people: int) -> Iterator[list[object]]:
    """Each of them does `work`, piece after piece, until the end of the block; what was done."""
    over, done = threading.Event(), list[object]()

    def again() -> None:
        while True:
            for piece in work:
                if over.is_set():
                    return
                done.append(piece())

    threads = [threading.Thread(target=again, daemon=True) for _ in range(people)]
    for thread in threads:
        thread.start()
    try:
        yield done
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _line(name: str, found: list[float], alone: list[float]) -> str:
    p50, p99 = (1000 * _quantile(found, share) for share in (0.5, 0.99))
    ratio = statistics.median(found) / statistics.median(alone)
    return f"    {name:<52} {len(found):4} times  p50 {p50:7.1f}  p99 {p99:7.1f}  x {ratio:.2f}"


def _quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--places", type=int, default=PLACES)
    parser.add_argument("--seconds", type=float, default=PART_SECONDS)
    parser.add_argument("--shapes", nargs="*", choices=[*SHAPES], default=[])
    told = parser.parse_args()
    for line in measure(told.places, told.seconds, tuple(told.shapes)):
        print(line, flush=True)


if __name__ == "__main__":
    main()
