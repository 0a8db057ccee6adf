"""The server against clients that break, flood and clog."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.sync.client import ClientConnection, connect

from config.wire import BODY_BYTES, FRAMES_PER_SECOND
from tests.servers import ROOT, free_port, listens, wait_for

pytestmark = pytest.mark.servers
LIMIT = 256 * 1024


@contextlib.contextmanager
def _echo() -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    port = free_port()
    command = [sys.executable, "-m", "tests.config.echo", str(port), str(LIMIT)]
    process = subprocess.Popen(command, cwd=ROOT)
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


def _masked(frame: Frame) -> bytes:
    """Bytes of a client frame, broken ones included."""
    first = (0x80 if frame.fin else 0) | (0x40 if frame.rsv1 else 0) | frame.opcode
    return bytes([first, 0x80 | len(frame.data), 0, 0, 0, 0]) + bytes(frame.data)


def test_a_flood_of_pings_closes_one_socket_and_disturbs_nobody(port: int) -> None:
    with _open(port) as attacker, _open(port) as bystander:
        attacker.socket.sendall(_masked(Frame(Opcode.PING, b"")) * 20 * FRAMES_PER_SECOND)
        bystander.send("hello")
        assert bystander.recv(timeout=10) == "hello"
        assert _close_code(attacker) in (1008, 1006)


def test_a_reader_that_never_reads_is_cut_off(server: tuple[int, subprocess.Popen[bytes]]) -> None:
    port, process = server
    before = _resident(process)
    raw = socket.create_connection(("127.0.0.1", port))
    raw.sendall(
        b"GET /flood HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    time.sleep(4)
    assert _resident(process) - before < 40 * 2**20
    raw.settimeout(10)
    with contextlib.suppress(ConnectionError):
        while raw.recv(1 << 20):
            pass
    raw.close()


def test_a_sender_to_a_slow_handler_is_held_back(
    server: tuple[int, subprocess.Popen[bytes]],
) -> None:
    port, process = server
    before = _resident(process)
    with _open(port, "/slow") as client:
        client.socket.settimeout(2)
        sent = 0
        with contextlib.suppress(TimeoutError, OSError, ConnectionClosed):
            while sent < 400:
                client.socket.sendall(_large(100_000))
                sent += 1
        assert sent < 400
        assert _resident(process) - before < 40 * 2**20
        client.socket.shutdown(socket.SHUT_RDWR)


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
