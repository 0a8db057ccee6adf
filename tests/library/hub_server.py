"""A small server that speaks what the hub's client asks: a revision's files, then their bytes.

Files are redirected to another address, as the hub does, and served in ranges. `faults` has what is
wrong with a file: see `FAULTS`.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "hf_secret"
HELD_SECONDS = 60


class Hub(ThreadingHTTPServer):
    """`repositories`: name → file → bytes. `asked`: (method, path, Range) of every request.

    `opened`: while it is cleared, no bytes of a file go out.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.licences: dict[str, str] = {}
        self.faults: dict[str, str] = {}
        self.gated: set[str] = set()
        self.status = 0
        self.pause = 0.0
        self.opened = threading.Event()
        self.opened.set()
        self.asked: list[tuple[str, str, str | None]] = []
        self.tokens: list[str | None] = []

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away in the middle are what some tests are about."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def ranges(self, file: str) -> list[str | None]:
        """The Range of every transfer of a file's bytes."""
        return [
            range
            for method, path, range in self.asked
            if method == "GET" and path.startswith("/cdn/") and path.endswith(file)
        ]

    def sibling(self, name: str, content: bytes) -> dict[str, Any]:
        fault = self.faults.get(name, "")
        told = content + b"?" if fault == "wrong hash" else content
        git = hashlib.sha1(f"blob {len(content)}\0".encode() + told).hexdigest()
        one: dict[str, Any] = {"rfilename": name, "size": len(content), "blobId": git}
        if name.endswith((".safetensors", ".bin")):
            sha = hashlib.sha256(told).hexdigest()
            one["lfs"] = {"size": len(content), "sha256": sha, "pointerSize": 130}
        if fault == "no hash":
            one["blobId"], one["lfs"] = None, None
        return one


class Handler(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.server.asked.append((self.command, path, self.headers.get("Range")))
        self.server.tokens.append(self.headers.get("Authorization"))
        if self.server.status:
            self._send(self.server.status, b"no")
        elif path.startswith("/api/models/"):
            self._info(path.removeprefix("/api/models/"))
        elif path.startswith("/cdn/"):
            self._bytes(path.removeprefix("/cdn/"))
        else:
            self._redirect(path)

    def _info(self, rest: str) -> None:
        name, _, revision = rest.partition("/revision/")
        files = self.server.repositories.get(name)
        if name in self.server.gated and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._send(403, b"", {"X-Error-Code": "GatedRepo"})
        elif files is None:
            self._send(404, b"", {"X-Error-Code": "RepoNotFound"})
        elif revision not in ("", "main", COMMIT):
            self._send(404, b"", {"X-Error-Code": "RevisionNotFound"})
        else:
            siblings = [self.server.sibling(*item) for item in files.items()]
            card = {"license": self.server.licences.get(name)}
            told = {"id": name, "sha": COMMIT, "siblings": siblings, "cardData": card}
            self._send(200, json.dumps(told).encode())

    def _redirect(self, path: str) -> None:
        name, _, file = path.lstrip("/").partition(f"/resolve/{COMMIT}/")
        if file not in self.server.repositories.get(name, {}):
            self._send(404, b"", {"X-Error-Code": "EntryNotFound"})
        else:
            self._send(302, b"", {"Location": f"/cdn/{name}/{file}", "X-Repo-Commit": COMMIT})

    def _bytes(self, path: str) -> None:
        name, _, file = path.rpartition("/")
        content = self.server.repositories[name][file]
        asked = self.headers.get("Range")
        start = int(asked.removeprefix("bytes=").partition("-")[0]) if asked else 0
        fault = self.server.faults.get(file, "")
        FAULTS.get(fault, _whole)(self, content, start)

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _head(handler: Handler, content: bytes, start: int) -> None:
    handler.send_response(206 if start else 200)
    if start:
        last = len(content) - 1
        handler.send_header("Content-Range", f"bytes {start}-{last}/{len(content)}")
    handler.send_header("Content-Length", str(len(content) - start))
    handler.end_headers()


def _whole(handler: Handler, content: bytes, start: int) -> None:
    _head(handler, content, start)
    step = 64 * 1024
    for at in range(start, len(content), step):
        handler.server.opened.wait(HELD_SECONDS)
        time.sleep(handler.server.pause)
        handler.wfile.write(content[at : at + step])


def _cut_once(handler: Handler, content: bytes, start: int) -> None:
    """The connection breaks in the middle of the first transfer."""
    _head(handler, content, start)
    end = len(content) if start else len(content) // 2
    handler.wfile.write(content[start:end])
    handler.close_connection = True


def _short(handler: Handler, content: bytes, start: int) -> None:
    """The server says itself that the file is shorter than its list did."""
    _head(handler, content[: len(content) // 2], start)
    handler.wfile.write(content[start : len(content) // 2])


def _no_ranges(handler: Handler, content: bytes, start: int) -> None:
    """A server that sends the whole file whatever part of it is asked for."""
    _whole(handler, content, 0)


def _other(handler: Handler, content: bytes, start: int) -> None:
    """Bytes of the right number and with other values."""
    _whole(handler, bytes(len(content)), start)


FAULTS: dict[str, Callable[[Handler, bytes, int], None]] = {
    "cut once": _cut_once,
    "short": _short,
    "no ranges": _no_ranges,
    "other bytes": _other,
}


@contextmanager
def hub_server() -> Iterator[Hub]:
    hub = Hub()
    thread = threading.Thread(target=hub.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()
        thread.join()


def repository(folder: Any) -> dict[str, bytes]:
    """The files of a directory, as a repository has them, and some that nobody wants."""
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    unwanted = {"modeling_evil.py": b"boom", "pytorch_model.bin": b"pickle", "README.md": b"#"}
    return files | unwanted
