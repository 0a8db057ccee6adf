"""The ASGI servers of benchmarks.servers: installing, starting, and looking at their memory."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from websockets.sync.client import ClientConnection, connect

from benchmarks.abused import LARGE

ROOT = Path(__file__).resolve().parent.parent
APP = "benchmarks.abused:app"
MIB = 2**20
HYPERCORN = "hypercorn.toml"
NAMES = ("Daphne, ours", "Uvicorn", "Hypercorn", "Granian")


class Server:
    """A running server: its port, and the memory of its processes."""

    def __init__(self, port: int, pid: int) -> None:
        self.port, self.pid = port, pid

    def open(self, path: str) -> ClientConnection:
        """A socket; pings come back, nothing is compressed."""
        return connect(f"ws://127.0.0.1:{self.port}{path}", max_size=None, compression=None)

    def resident(self) -> int:
        """Bytes in memory of the process and its children."""
        pids, found = [self.pid], 0
        while pids:
            pid = pids.pop()
            with contextlib.suppress(OSError):
                found += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
                children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
                pids += map(int, children.split())
        return found * os.sysconf("SC_PAGE_SIZE")

    def growth(self, work: Callable[[], object]) -> float:
        """MiB by which memory grows at most while something is done."""
        before = peak = self.resident()
        thread = threading.Thread(target=work)
        thread.start()
        while thread.is_alive():
            peak = max(peak, self.resident())
            time.sleep(0.01)
        return (peak - before) / MIB


def install(folder: Path) -> Path:
    """The other servers in an environment of their own; its folder of programs."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(folder / "bin/python"), "-m", "pip", "install", "-qqq"]
    subprocess.run([*pip, "-r", str(ROOT / "benchmarks/servers.txt")], check=True)
    (folder / "bin" / HYPERCORN).write_text(f"websocket_max_message_size = {LARGE}\n")
    return folder / "bin"


def command(name: str, bin: Path) -> Callable[[int], list[str]]:
    """A server's command line for a port; `bin` is the folder of programs."""
    largest = str(LARGE)
    return {
        "Daphne, ours": lambda port: [sys.executable, "-m", "benchmarks.abused", str(port)],
        "Uvicorn": lambda port: [
            str(bin / "uvicorn"), APP, "--port", str(port), "--ws-max-size", largest,
            "--log-level", "critical",
        ],
        "Hypercorn": lambda port: [
            str(bin / "hypercorn"), APP, "--bind", f"127.0.0.1:{port}", "--config",
            str(bin / HYPERCORN),
        ],
        "Granian": lambda port: [
            str(bin / "granian"), APP, "--interface", "asgi", "--port", str(port), "--no-log",
        ],
    }[name]  # fmt: skip


@contextlib.contextmanager
def running(line: Callable[[int], list[str]]) -> Iterator[Server]:
    """A fresh process on a free port, ended afterwards; `line(port)` is its command line."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    quiet = subprocess.DEVNULL
    path = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(line(port), cwd=ROOT, env=path, stdout=quiet, stderr=quiet)
    try:
        _wait(port, process)
        yield Server(port, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError(f"{process.args!r} does not listen")
