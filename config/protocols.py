"""Daphne's protocols, hardened: close codes, limits on frames and bodies, back-pressure.

Daphne drops the connection without a code when a client breaks the protocol, buffers without
bound in both directions, and takes its root path from a client's header. Each class here changes
one of these and leaves the rest to Daphne.

What goes out goes in pieces, each when the peer has taken the one before; whoever sends waits. A
peer that does not read costs one message and one piece, and is cut off after a while.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Iterator
from contextvars import copy_context
from itertools import islice
from typing import Any

from daphne.http_protocol import HTTPFactory, WebRequest
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from twisted.internet import reactor

from inference.errors import UnmaskError, error_shape
from inference.limits import BODY_BYTES

FRAMES_PER_SECOND = 500
"""More frames than this within a second, pings included, close the socket."""
PIECE_CHARACTERS = 64 * 1024
"""A longer message is sent in pieces of this many characters (bytes, if it is binary)."""
UNREAD_SECONDS = 30.0
"""A reader that takes no piece for this long is cut off."""
LINGER_SECONDS = 2.0
"""For this long after the last frame what the peer still sends is read and thrown away."""
QUEUED_MESSAGES, QUEUED_BYTES = 64, 4 * 1024 * 1024
"""What waits for the application before its client is no longer read from."""
NORMAL, POLICY, RESTART = 1000, 1008, 1012
CONTINUATION, TEXT, BINARY = 0, 1, 2
ROOT_PATH = "daphne-root-path"
FORWARDED_FOR = "X-Forwarded-For"
TOO_LARGE = f"The body is larger than {BODY_BYTES // 2**20} MB. Send less at once."


class Socket(WebSocketProtocol):  # type: ignore[misc]
    """A WebSocket that a client can neither flood nor clog."""

    second, frames, paused = 0, 0, False

    def onConnect(self, request: Any) -> Any:
        request.headers.pop(ROOT_PATH, None)
        self._turn, self._writable = asyncio.Lock(), asyncio.Event()
        self._writable.set()
        self._sizes: deque[int] = deque(maxlen=4 * QUEUED_MESSAGES)  # of the newest messages
        self.transport.unregisterProducer()  # the HTTP channel, which has no say any more
        self.transport.registerProducer(self, True)
        return super().onConnect(request)

    def pauseProducing(self) -> None:
        """Called by the transport: the peer has not taken what was written."""
        self._writable.clear()

    def resumeProducing(self) -> None:
        self._writable.set()

    stopProducing = resumeProducing

    async def deliver(self, message: dict[str, Any]) -> None:
        """Send or close as the ASGI message says, after all that was to be sent before."""
        async with self._turn:
            if message["type"] == "websocket.close":
                self._say_goodbye(message.get("code") or NORMAL, message.get("reason"))
                return
            binary = message.get("text") is None
            content = message["bytes"] if binary else message["text"]
            for piece, opcode, last in _pieces(content, BINARY if binary else TEXT):
                if self.state != self.STATE_OPEN:
                    return  # the client has gone, which is nobody's fault
                self.sendFrame(opcode=opcode, payload=piece, fin=last)
                await self._taken()

    async def _taken(self) -> None:
        """Until the transport has room again."""
        if not self._writable.is_set():
            try:
                await asyncio.wait_for(self._writable.wait(), UNREAD_SECONDS)
            except TimeoutError:
                self.transport.abortConnection()

    def _say_goodbye(self, code: int, reason: str | None) -> None:
        if self.state == self.STATE_OPEN:
            self.sendClose(code, reason or None)

    def dataReceived(self, data: bytes) -> None:
        if self.state != self.STATE_CLOSED:
            super().dataReceived(data)

    def _closeConnection(self, abort: bool = False) -> None:
        """Flush, end our half, read on for a moment: autobahn's hook.

        To close a line at once, or while something on it is unread, resets it, and a reset takes
        the close frame from the peer.
        """
        self.transport.loseWriteConnection()
        reactor.callLater(LINGER_SECONDS, self.transport.abortConnection)

    def onFrameBegin(self) -> None:
        if self._within_rate():
            super().onFrameBegin()
        else:
            self._shut_out()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        super().onMessage(payload, isBinary)
        self._sizes.append(len(payload))
        if self._backlog() >= 1 and not self.paused:
            self.paused = True
            self.transport.pauseProducing()
            reactor.callLater(0.02, self._resume)

    def restart(self) -> None:
        """Tell the client that the server goes away and that coming back is worth trying."""
        if self.state == self.STATE_OPEN:
            self.sendCloseFrame(code=RESTART, reasonUtf8=b"server restarts")

    def _resume(self) -> None:
        if self.state == self.STATE_CLOSED:
            return
        if self._backlog() > 0.5:
            reactor.callLater(0.02, self._resume)
            return
        self.paused = False
        self.transport.resumeProducing()

    def _backlog(self) -> float:
        """How much waits for the application, as a share of what may."""
        waiting = int(self.application_queue.qsize())
        size = sum(islice(reversed(self._sizes), waiting))
        return max(waiting / QUEUED_MESSAGES, size / QUEUED_BYTES)

    def _within_rate(self) -> bool:
        second = int(time.monotonic())
        self.frames = self.frames + 1 if second == self.second else 1
        self.second = second
        return self.frames <= FRAMES_PER_SECOND

    def _shut_out(self) -> None:
        """Close, and forget what has been received: reading on would be work for an attacker."""
        super().onFrameBegin()
        self.data = b""
        if self.state == self.STATE_OPEN:
            self.sendCloseFrame(code=POLICY, reasonUtf8=b"too many frames")
        self.transport.pauseProducing()
        self.dropConnection()


class SocketFactory(WebSocketFactory):  # type: ignore[misc]
    protocol = Socket

    def setProtocolOptions(self, **options: Any) -> None:
        # failByDrop False: a close frame with code and reason instead of a dropped connection.
        super().setProtocolOptions(failByDrop=False, **options)


class Request(WebRequest):  # type: ignore[misc]
    """An HTTP request whose body is bounded while it arrives, not after."""

    received = 0

    def gotLength(self, length: int | None) -> None:
        if length is not None and length > BODY_BYTES:
            self._too_large()
            return
        super().gotLength(length)

    def handleContentChunk(self, data: bytes) -> None:
        self.received += len(data)
        if self.received > BODY_BYTES:
            self._too_large()
            return
        super().handleContentChunk(data)

    def process(self) -> Any:
        self.requestHeaders.removeHeader(ROOT_PATH.encode())
        self._trust_the_proxy_alone()
        return super().process()

    def _trust_the_proxy_alone(self) -> None:
        """Daphne takes the first address told; a proxy appends what it saw, so the last counts."""
        told = self.requestHeaders.getRawHeaders(FORWARDED_FOR, [])
        if told:
            self.requestHeaders.setRawHeaders(FORWARDED_FOR, [told[-1].rpartition(",")[2].strip()])

    def _too_large(self) -> None:
        # In a context of its own: a correlation id is made, and the server's has none.
        body = json.dumps(copy_context().run(error_shape, UnmaskError("validation", TOO_LARGE)))
        head = "HTTP/1.1 413 Content Too Large\r\nContent-Type: application/json\r\n"
        head += f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        self.channel.transport.write((head + body).encode())
        self.channel.loseConnection()


class RequestFactory(HTTPFactory):  # type: ignore[misc]
    def buildProtocol(self, addr: Any) -> Any:
        protocol = super().buildProtocol(addr)
        protocol.requestFactory = Request
        return protocol


def _pieces(content: str | bytes, opcode: int) -> Iterator[tuple[bytes, int, bool]]:
    """Payload, opcode and FIN of a message's frames; text is encoded piece by piece."""
    for start in range(0, max(len(content), 1), PIECE_CHARACTERS):
        piece = content[start : start + PIECE_CHARACTERS]
        payload = piece.encode() if isinstance(piece, str) else bytes(piece)
        yield payload, CONTINUATION if start else opcode, start + len(piece) == len(content)
