"""The server against clients that break, flood and clog."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.sync.client import ClientConnection, connect

from config.protocols import BODY_BYTES, FRAMES_PER_SECOND
from tests.servers import ROOT, free_port, listens, wait_for

pytestmark = pytest.mark.servers
LIMIT = 256 * 1024


HANDSHAKE = (
    b"GET %s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@contextlib.contextmanager
def _echo(
    limit: int = LIMIT, log: Path | None = None, **constants: float
) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """The server on a port; `constants` are other values for the constants of config.protocols."""
    port = free_port()
    command = [sys.executable, "-m", "tests.config.echo", str(port), str(limit)]
    command += [f"{name}={value}" for name, value in constants.items()]
    with contextlib.ExitStack() as stack:
        stderr = stack.enter_context(log.open("wb")) if log else None
        process = subprocess.Popen(command, cwd=ROOT, stderr=stderr)
    try:
        wait_for(lambda: listens(port), "the echo server", 30)
        yield port, process
    finally:
        process.terminate()
        process.wait(15)


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    with _echo() as running:
        yield running


@pytest.fixture
def port(server: tuple[int, subprocess.Popen[bytes]]) -> int:
    return server[0]


def _open(port: int, path: str = "/echo", **headers: str) -> ClientConnection:
    return connect(
        f"ws://127.0.0.1:{port}{path}", max_size=None, additional_headers=headers, compression=None
    )


def _close_code(client: ClientConnection) -> int | None:
    with contextlib.suppress(ConnectionClosed):
        while True:
            client.recv(timeout=10)
    return client.close_code


def _resident(process: subprocess.Popen[bytes]) -> int:
    """Resident memory in bytes."""
    text = Path(f"/proc/{process.pid}/statm").read_text()
    return int(text.split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_message_of_the_limit_comes_back_and_one_above_closes_with_1009(port: int) -> None:
    with _open(port) as client:
        client.send("x" * LIMIT)
        assert len(client.recv(timeout=10)) == LIMIT
        client.send("x" * (LIMIT + 1))
        assert _close_code(client) == 1009


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (Frame(Opcode.TEXT, b"\xff\xfe"), 1007),
        (Frame(Opcode.TEXT, b"x", rsv1=True), 1002),
        (Frame(Opcode.PING, b"x", fin=False), 1002),
        (Frame(Opcode.CONT, b"x"), 1002),
    ],
)
def test_protocol_errors_close_with_a_code(frame: Frame, code: int, port: int) -> None:
    with _open(port) as client:
        client.socket.sendall(_masked(frame))
        assert _close_code(client) == code


NO_CODES = (0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65535)
CLOSES = [
    (Frame(Opcode.CLOSE, b"\x03"), 1002),  # half a code
    (Frame(Opcode.CLOSE, b"\x03\xe8" + b"x" * 124), 1002),  # longer than a control frame
    (Frame(Opcode.CLOSE, b"\x03\xe8", fin=False), 1002),
    (Frame(Opcode.CLOSE, b"\x03\xe8" + b"\xce\xba\xf4\x90\x80\x80"), 1007),  # not UTF-8
    *((Frame(Opcode.CLOSE, code.to_bytes(2, "big")), 1002) for code in NO_CODES),
    (Frame(Opcode.CLOSE, b""), 1000),
    (Frame(Opcode.CLOSE, b"\x0b\xb8bye"), 1000),
]


@pytest.mark.parametrize("more", [b"", b"\x81\x80\x00\x00\x00\x00" * 3], ids=["", "talking on"])
@pytest.mark.parametrize(("frame", "code"), CLOSES)
def test_every_close_frame_is_answered_with_one(
    frame: Frame, code: int, more: bytes, port: int
) -> None:
    """The answer arrives and the line ends in order: a reset would take the code away."""
    with _raw(port) as peer:
        peer.sendall(_masked(frame) + more)
        received = _all_of(peer)
    assert received[:1] == b"\x88"
    assert int.from_bytes(received[2:4], "big") == code


@contextlib.contextmanager
def _raw(port: int, path: str = "/echo") -> Iterator[socket.socket]:
    """A line on which the handshake is done."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as peer:
        peer.sendall(HANDSHAKE % path.encode())
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += peer.recv(1)
        yield peer


def _all_of(peer: socket.socket) -> bytes:
    """What comes until the other side ends the line. Raises ConnectionError when it is reset."""
    received = b""
    while piece := peer.recv(4096):
        received += piece
    return received


def _masked(frame: Frame) -> bytes:
    """Bytes of a client frame, broken ones included."""
    first = (0x80 if frame.fin else 0) | (0x40 if frame.rsv1 else 0) | frame.opcode
    size = len(frame.data)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    return bytes([first]) + length + bytes(4) + bytes(frame.data)


def test_a_flood_of_pings_closes_one_socket_and_disturbs_nobody(port: int) -> None:
    with _open(port) as attacker, _open(port) as bystander:
        attacker.socket.sendall(_masked(Frame(Opcode.PING, b"")) * 20 * FRAMES_PER_SECOND)
        bystander.send("hello")
        assert bystander.recv(timeout=10) == "hello"
        assert _close_code(attacker) == 1008


@pytest.mark.parametrize("path", ["/flood", "/large"])
def test_a_reader_that_never_reads_costs_little(path: str) -> None:
    """Little messages for ever, and the largest ones."""
    with _echo() as (port, process), _raw(port):
        before = peak = _resident(process)
        deadline = time.monotonic() + 4
        while time.monotonic() < deadline:
            peak = max(peak, _resident(process))
            time.sleep(0.01)
    assert peak - before < 32 * 2**20


def test_a_reader_that_never_reads_is_cut_off() -> None:
    with _echo(UNREAD_SECONDS=0.5) as (port, _), _raw(port, "/flood") as peer:
        time.sleep(3)
        with pytest.raises(ConnectionResetError):
            _all_of(peer)


def test_a_slow_reader_gets_every_message_whole(port: int) -> None:
    with _open(port, "/together") as client:
        received = [client.recv(timeout=10) for _ in range(10)]
        assert _close_code(client) == 4403
        assert client.close_reason == "because"
    assert received.pop() == bytes(200_000)
    sizes = [len(message) for message in received]
    assert sorted(sizes) == sorted([300_000, 1, 70_000] * 3)
    for letter in "abc":
        mine = [len(message) for message in received if set(message) == {letter}]
        assert mine == [300_000, 1, 70_000]


@pytest.mark.parametrize("linger", [b"", struct.pack("ii", 1, 0)], ids=["ends", "resets"])
@pytest.mark.parametrize("frames", [[Opcode.TEXT], [Opcode.TEXT, Opcode.CLOSE]])
def test_clients_that_vanish_are_nobodys_error(
    linger: bytes, frames: list[Opcode], tmp_path: Path
) -> None:
    with _echo(log=tmp_path / "log") as (port, _):
        for _ in range(5):
            with _raw(port, "/late") as peer:
                if linger:
                    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                peer.sendall(b"".join(_masked(Frame(opcode, b"")) for opcode in frames))
        time.sleep(2.5)
    assert (tmp_path / "log").read_text() == ""


@pytest.mark.parametrize("size", [100_000, 5_000_000])
def test_a_sender_to_a_slow_handler_is_held_back(size: int) -> None:
    with _echo(limit=10 * 2**20) as (port, process), _raw(port, "/slow") as peer:
        before, message = _resident(process), _large(size)
        deadline = time.monotonic() + 3
        peer.settimeout(3)
        with contextlib.suppress(TimeoutError):
            while time.monotonic() < deadline:
                peer.sendall(message)
        assert _resident(process) - before < 40 * 2**20


def _large(size: int) -> bytes:
    return bytes([0x81, 0xFF]) + size.to_bytes(8, "big") + bytes(4) + b"x" * size


def test_the_root_path_is_never_taken_from_a_client(port: int) -> None:
    with _open(port, "/root", **{"Daphne-Root-Path": "//evil.example"}) as client:
        assert client.recv(timeout=10) == "root:"
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    line.request("GET", "/", headers={"Daphne-Root-Path": "//evil.example"})
    assert json.loads(line.getresponse().read())["root_path"] == ""


@pytest.mark.parametrize("told", ["192.0.2.9", "10.0.0.1, 192.0.2.9", "x,10.0.0.1,192.0.2.9"])
def test_a_client_cannot_choose_its_address_behind_a_proxy(told: str, port: int) -> None:
    """What it writes itself stands before what the proxy appends."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    line.request("GET", "/", headers={"X-Forwarded-For": told})
    assert json.loads(line.getresponse().read())["client"] == "192.0.2.9"


def test_bodies_are_bounded_while_they_arrive(
    server: tuple[int, subprocess.Popen[bytes]],
) -> None:
    port, process = server
    assert _post(port, BODY_BYTES) == 200
    before = _resident(process)
    assert _post(port, 20 * BODY_BYTES) == 413
    assert _resident(process) - before < 2 * BODY_BYTES


def _post(port: int, size: int) -> int:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    line.putrequest("POST", "/")
    line.putheader("Content-Length", str(size))
    line.endheaders()
    chunk = b"x" * 2**20
    with contextlib.suppress(ConnectionError):
        for _ in range(size // len(chunk)):
            line.send(chunk)
    return line.getresponse().status


def test_open_sockets_hear_that_the_server_restarts() -> None:
    with _echo() as (port, process), _open(port) as client:
        client.send("hello")
        client.recv(timeout=10)
        process.send_signal(signal.SIGTERM)
        assert _close_code(client) == 1012
