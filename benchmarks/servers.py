"""ASGI servers under the same abuse: floods, slow handlers, readers that do not read, large bodies.

Daphne is this project's, as config.protocols hardens it; the others are as they come, with the same
largest message. They are installed into an environment that is thrown away.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from websockets.exceptions import WebSocketException
from websockets.frames import Frame, Opcode
from websockets.sync.client import ClientConnection

from benchmarks.asgi import MIB, NAMES, Server, command, install, running
from benchmarks.timing import milliseconds, summary
from config.protocols import FRAMES_PER_SECOND

SECONDS = 4.0
BODY = 100 * MIB
PAUSE = 1.5 / FRAMES_PER_SECOND
CLOSES = (b"\x03", b"\x03\xe8" + b"\xf4\x90\x80\x80", *(code.to_bytes(2, "big") for code in (
    0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65535)))  # fmt: skip
"""Payloads of close frames that RFC 6455 forbids: half a code, no UTF-8, codes that are none."""
Probe = Callable[["Server"], str]


def measure() -> list[str]:
    """Lines of the report: one per abuse, one column per server."""
    with tempfile.TemporaryDirectory(prefix="unmask-bench-servers-") as folder:
        try:
            bin = install(Path(folder))
        except subprocess.CalledProcessError:
            return ["  not measured: pip could not install benchmarks/servers.txt"]
        columns = {name: _abused(command(name, bin)) for name in NAMES}
    head = f"  {'':<52}" + "".join(f"{name:>16}" for name in NAMES)
    return [head, *(_row(title, columns) for title in PROBES)]


def _row(title: str, columns: dict[str, dict[str, str]]) -> str:
    return f"  {title:<52}" + "".join(f"{column[title]:>16}" for column in columns.values())


def _abused(line: Callable[[int], list[str]]) -> dict[str, str]:
    """Every probe on a fresh process, so that none leaves something to the next."""
    found = {}
    for title, probe in PROBES.items():
        with running(line) as server:
            found[title] = probe(server)
    return found


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
