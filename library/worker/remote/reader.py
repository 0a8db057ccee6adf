"""A thread that reads a server's stream, so that whoever stores it never waits for the network."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from inference.errors import UnmaskError, internal_error
from inference.remote_backends import RemoteBackend
from library.worker.remote import client, protocols
from library.worker.remote.protocols import Call, Piece

AHEAD = 256
"""Pieces that are read before they are asked for."""


class Ended(Exception):
    """The stream came to its end."""


class _StreamReader(threading.Thread):
    def __init__(self, backend: RemoteBackend, call: Call) -> None:
        super().__init__(name=f"reads {backend.name}", daemon=True)
        self._backend, self._call = backend, call
        self._found: queue.Queue[Piece | Exception] = queue.Queue(AHEAD)
        self._left = threading.Event()
        self._response: Any = None

    def run(self) -> None:
        try:
            with client.stream(self._backend, self._call.path, self._call.body) as answer:
                self._response, lines = answer
                for piece in protocols.pieces(self._backend, self._call, lines):
                    self._put(piece)
            self._put(Ended())
        except Ended:
            return
        except UnmaskError as error:
            self._put_last(error)
        except BaseException:
            client.log.exception("reading from %s failed", self._backend.name)
            self._put_last(internal_error())

    def next(self, seconds: float) -> Piece | None:
        """The next piece, or None if none came in that time. Raises Ended, UnmaskError."""
        try:
            found = self._found.get(timeout=seconds)
        except queue.Empty:
            return None
        if isinstance(found, Exception):
            raise found
        return found

    def leave(self) -> None:
        """Nobody reads any more: close the connection, so that the server stops too."""
        self._left.set()
        if self._response is not None:
            client.shut(self._response)

    def _put(self, one: Piece | Exception) -> None:
        while not self._left.is_set():
            try:
                self._found.put(one, timeout=0.5)
            except queue.Full:
                continue
            return
        raise Ended

    def _put_last(self, error: UnmaskError) -> None:
        try:
            self._put(error)
        except Ended:
            return


@contextmanager
def reading(backend: RemoteBackend, call: Call) -> Iterator[_StreamReader]:
    """The stream of a call while it is read; afterwards its connection is closed."""
    reader = _StreamReader(backend, call)
    reader.start()
    try:
        yield reader
    finally:
        reader.leave()
