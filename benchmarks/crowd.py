"""What one socket waits for its answer while others open pages, exports and large answers.

The one-process shape. A probe sends a small command again and again: first alone, then while ten
threads fetch pages and exports of a large session, then while one socket asks for all its tokens'
distributions at once.
"""

from __future__ import annotations

import json
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import Request, urlopen

import torch
from websockets.sync.client import connect

from benchmarks.page import PLACES, SLUG, wide_model
from benchmarks.served import serving

PEOPLE, PROBES, STEPS = 10, 150, 128
P99_MS = 50.0
EXPORTS = ("json", "csv", "txt")


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
    def socket(self) -> Iterator[Callable[..., dict[str, object]]]:
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


def measure() -> list[str]:
    """Lines of the report: p50 and p99 of the probe's answers, in milliseconds."""
    with TemporaryDirectory(prefix="unmask-bench-models-") as folder:
        wide_model(Path(folder) / SLUG)
        settings = {"MODELS_DIR": folder, "ALLOW_GUESTS": "1", "HTTP_RATE": "100000/m"}
        settings |= {"SOCKET_RATE": "1000", "SOCKET_BURST": "10000"}
        with serving(torch.get_num_threads(), **settings) as server:
            return _lines(server.address)


def _lines(address: str) -> list[str]:
    owner, other = Guest(address), Guest(address)
    with owner.socket() as ask:
        session = _large_session(ask)
        pages = [f"/sessions/{session}/", *(f"/sessions/{session}/export/{x}/" for x in EXPORTS)]
        alone = _probe(other)
        with _crowd(lambda: [owner.fetch(page) for page in pages], PEOPLE):
            crowded = _probe(other)
        size = len(json.dumps(_large_answer(ask, session)))
        with _crowd(lambda: _large_answer(ask, session), 1):
            large = _probe(other)
    return [
        f"a small command's answer, {PROBES} times, beside a session of {PLACES} places and "
        f"{STEPS} steps (ms)",
        _line("alone", alone, alone),
        _line(f"{PEOPLE} people fetch pages and exports", crowded, alone),
        _line(f"one socket is sent {size / 2**20:.1f} MB again and again", large, alone),
        f"  budget for the p99 of others: {P99_MS:.0f} ms where the machine has cores to spare",
    ]


def _large_session(ask: Callable[..., dict[str, object]]) -> object:
    ask("load_model", "load_model_response", model_path=SLUG)
    made = ask(
        *("initialize", "state_update"),
        prompt="Tell a story about Ben.",
        gen_length=PLACES,
        model=SLUG,
    )
    id = made["session_id"]
    ask("run", "run_changed", recipe="rank/high_confidence", tokens_per_step=PLACES // STEPS)
    while not ask("open_session", "session_opened", session_id=id)["is_complete"]:
        time.sleep(1)
    return id


def _large_answer(ask: Callable[..., dict[str, object]], session: object) -> dict[str, object]:
    return ask("open_session", "session_opened", session_id=session)


def _probe(guest: Guest) -> list[float]:
    """Seconds that each answer took."""
    found = []
    with guest.socket() as ask:
        for _ in range(PROBES):
            began = time.perf_counter()
            ask("list_presets", "preset_list")
            found.append(time.perf_counter() - began)
            time.sleep(0.02)
    return found


@contextmanager
def _crowd(work: Callable[[], object], people: int) -> Iterator[None]:
    """`work` again and again in some threads, until the end of the block."""
    over = threading.Event()

    def again() -> None:
        while not over.is_set():
            work()

    threads = [threading.Thread(target=again) for _ in range(people)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _line(name: str, found: list[float], alone: list[float]) -> str:
    p50, p99 = (1000 * _quantile(found, share) for share in (0.5, 0.99))
    ratio = statistics.median(found) / statistics.median(alone)
    return f"  {name:<52} p50 {p50:7.1f}  p99 {p99:7.1f}  x {ratio:.2f}"


def _quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]
