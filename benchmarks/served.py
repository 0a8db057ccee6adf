"""A served process of its own for the site's benchmarks: temporary data, a free port, loopback."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from websockets.sync.client import ClientConnection, connect

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 120


@dataclass(frozen=True)
class Server:
    """Where it listens (host:port), its process, and its DATA_DIR."""

    address: str
    pid: int
    data: str


@contextmanager
def serving(threads: int, **settings: str) -> Iterator[Server]:
    """`manage.py serve` with the default model loaded."""
    with tempfile.TemporaryDirectory(prefix="unmask-bench-") as folder:
        port = _free_port()
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        environment = {**kept, "DATA_DIR": folder, "PORT": str(port), "DEVICE": "cpu"}
        environment |= {"TORCH_THREADS": str(threads), "LOG_LEVEL": "WARNING", **settings}
        manage = [sys.executable, "manage.py"]
        subprocess.run([*manage, "migrate", "-v", "0"], env=environment, cwd=ROOT, check=True)
        process = subprocess.Popen(
            [*manage, "serve"], env=environment, cwd=ROOT, stdout=subprocess.DEVNULL
        )
        try:
            _until_ready(f"http://127.0.0.1:{port}/readyz", process)
            yield Server(f"127.0.0.1:{port}", process.pid, folder)
        finally:
            process.terminate()
            process.wait(30)


class Client:
    """One socket of the JSON protocol, used in turn."""

    def __init__(self, address: str) -> None:
        self._stack = ExitStack()
        self.socket: ClientConnection = self._stack.enter_context(
            connect(f"ws://{address}/ws", max_size=None)
        )

    def send(self, type: str, **fields: Any) -> None:
        self.socket.send(json.dumps({"type": type, **fields}))

    def receive(self, *types: str, seconds: float = 120) -> dict[str, Any]:
        """The next message of one of these types. Raises RuntimeError on an error message."""
        while True:
            message: dict[str, Any] = json.loads(self.socket.recv(timeout=seconds))
            if message["type"] == "error":
                raise RuntimeError(message["message"])
            if message["type"] in types:
                return message

    def ask(self, type: str, answer: str, **fields: Any) -> dict[str, Any]:
        self.send(type, **fields)
        return self.receive(answer)

    def run_to_its_end(self, steps: int, **fields: Any) -> None:
        """Start a run and follow it; raises RuntimeError unless so many steps arrive as events."""
        self.ask("resume", "resumed", after=0)
        self.ask("run", "run_changed", **fields)
        arrived = 0
        while True:
            event = self.receive("event")
            arrived += event["event"] == "step"
            if event["event"] == "run" and event["payload"]["status"] == "done":
                break
        if arrived != steps:
            raise RuntimeError(f"{arrived} steps arrived, expected {steps}")

    def close(self) -> None:
        self._stack.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(url, timeout=5):
                return
        except (URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError("the server did not become ready")
