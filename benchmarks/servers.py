"""ASGI servers under the same abuse: floods, slow handlers, readers that do not read, large bodies.

Daphne is this project's, as config.protocols hardens it; the others are as they come, with the same
largest message. They are installed into an environment that is thrown away.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from websockets.exceptions import WebSocketException
from websockets.frames import Frame, Opcode
from websockets.sync.client import ClientConnection, connect

from benchmarks.abused import LARGE
from benchmarks.timing import milliseconds, summary
from config.protocols import FRAMES_PER_SECOND

ROOT = Path(__file__).resolve().parent.parent
APP = "benchmarks.abused:app"
MIB = 2**20
SECONDS = 4.0
BODY = 100 * MIB
PAUSE = 1.5 / FRAMES_PER_SECOND
HYPERCORN = "hypercorn.toml"
NAMES = ("Daphne, ours", "Uvicorn", "Hypercorn", "Granian")
CLOSES = (b"\x03", b"\x03\xe8" + b"\xf4\x90\x80\x80", *(code.to_bytes(2, "big") for code in (
    0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65535)))  # fmt: skip
"""Payloads of close frames that RFC 6455 forbids: half a code, no UTF-8, codes that are none."""
Probe = Callable[["Server"], str]


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


def measure() -> list[str]:
    """Lines of the report: one per abuse, one column per server."""
    with tempfile.TemporaryDirectory(prefix="unmask-bench-servers-") as folder:
        try:
            bin = _installed(Path(folder))
        except subprocess.CalledProcessError:
            return ["  not measured: pip could not install benchmarks/servers.txt"]
        columns = {name: _abused(_command(name, bin)) for name in NAMES}
    head = f"  {'':<52}" + "".join(f"{name:>16}" for name in NAMES)
    return [head, *(_row(title, columns) for title in PROBES)]


def _row(title: str, columns: dict[str, dict[str, str]]) -> str:
    return f"  {title:<52}" + "".join(f"{column[title]:>16}" for column in columns.values())


def _installed(folder: Path) -> Path:
    """The other servers in an environment of their own; its folder of programs."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(folder / "bin/python"), "-m", "pip", "install", "-qqq"]
    subprocess.run([*pip, "-r", str(ROOT / "benchmarks/servers.txt")], check=True)
    (folder / "bin" / HYPERCORN).write_text(f"websocket_max_message_size = {LARGE}\n")
    return folder / "bin"


def _command(name: str, bin: Path) -> Callable[[int], list[str]]:
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


def _abused(command: Callable[[int], list[str]]) -> dict[str, str]:
    """Every probe on a fresh process, so that none leaves something to the next."""
    found = {}
    for title, probe in PROBES.items():
        with _running(command) as server:
            found[title] = probe(server)
    return found


@contextlib.contextmanager
def _running(command: Callable[[int], list[str]]) -> Iterator[Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    quiet = subprocess.DEVNULL
    path = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command(port), cwd=ROOT, env=path, stdout=quiet, stderr=quiet)
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


def _echo(server: Server) -> str:
    """Median of 300 messages that come back."""
    with server.open("/echo") as client:
        return f"{summary([_trip(client) for _ in range(350)][50:]).median:.2f} ms"


def _trip(client: ClientConnection) -> float:
    """Milliseconds of a message that comes back, after a pause within our limit of frames."""
    time.sleep(PAUSE)

    def there_and_back() -> None:
        client.send("x" * 100)
        client.recv(timeout=30)

    return milliseconds(there_and_back)


def _flood(server: Server) -> str:
    """A bystander's slowest message while somebody sends pings as fast as he can."""
    with server.open("/echo") as attacker, server.open("/echo") as bystander:
        over = threading.Event()
        thread = threading.Thread(target=_send_pings, args=(attacker.socket, over))
        thread.start()
        slowest, deadline = 0.0, time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            slowest = max(slowest, _trip(bystander))
        over.set()
        thread.join()
        return f"{slowest:.0f} ms"


def _send_pings(line: socket.socket, over: threading.Event) -> None:
    pings = Frame(Opcode.PING, b"").serialize(mask=True) * 1000
    with contextlib.suppress(OSError):
        while not over.is_set():
            line.sendall(pings)


def _slow_handler(server: Server) -> str:
    """Memory while 1 MB messages are sent to a handler that takes one every 0.2 s."""

    def send() -> None:
        message = Frame(Opcode.TEXT, b"x" * 1_000_000).serialize(mask=True)
        deadline = time.monotonic() + SECONDS
        with contextlib.suppress(OSError, WebSocketException), _raw(server, "/slow") as line:
            line.settimeout(1)
            while time.monotonic() < deadline:
                line.sendall(message)

    return f"{server.growth(send):.0f} MiB"


def _no_reader(path: str) -> Probe:
    def probe(server: Server) -> str:
        def connect_and_wait() -> None:
            with _raw(server, path):
                time.sleep(SECONDS)

        return f"{server.growth(connect_and_wait):.0f} MiB"

    return probe


@contextlib.contextmanager
def _raw(server: Server, path: str) -> Iterator[socket.socket]:
    """A line on which the handshake is done and nothing is read."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as line:
        line.sendall(
            b"GET %s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            % path.encode()
        )
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += line.recv(1)
        yield line


def _closes(server: Server) -> str:
    """Faulty close frames that are answered with a close frame before the line ends."""
    answered = 0
    for payload in CLOSES:
        with contextlib.suppress(OSError), _raw(server, "/echo") as line:
            line.sendall(_close_frame(payload))
            answered += line.recv(1) == b"\x88"
    return f"{answered} of {len(CLOSES)}"


def _close_frame(payload: bytes) -> bytes:
    return bytes([0x88, 0x80 | len(payload), 0, 0, 0, 0]) + payload


def _body(server: Server) -> str:
    """What a body of 100 MiB is answered with."""
    line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    line.putrequest("POST", "/")
    line.putheader("Content-Length", str(BODY))
    line.endheaders()
    with contextlib.suppress(OSError):
        for _ in range(BODY // MIB):
            line.send(b"x" * MIB)
    try:
        return str(line.getresponse().status)
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__


PROBES: dict[str, Probe] = {
    "echo of 100 bytes, median": _echo,
    "a bystander's slowest echo during a flood of pings": _flood,
    "memory: 1 MB messages to a slow handler": _slow_handler,
    "memory: 100 kB messages to nobody who reads": _no_reader("/little"),
    "memory: 10 MiB messages to nobody who reads": _no_reader("/large"),
    "faulty close frames answered with one": _closes,
    "a body of 100 MiB": _body,
}
