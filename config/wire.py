"""Daphne's protocols, hardened: close codes, limits on frames and bodies, back-pressure.

Daphne drops the connection without a code when a client breaks the protocol, buffers without
bound in both directions, and takes its root path from a client's header. Each class here changes
one of these and leaves the rest to Daphne.
"""

from __future__ import annotations

import time
from typing import Any

from daphne.http_protocol import HTTPFactory, WebRequest
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from twisted.internet import reactor

from inference.limits import BODY_BYTES, MESSAGE_BYTES

FRAMES_PER_SECOND = 500
"""More frames than this within a second, pings included, close the socket."""
UNSENT_BYTES = 4 * 1024 * 1024
"""A reader that leaves more than this unread, one largest message aside, is cut off."""
QUEUED_MESSAGES = 64
"""Messages that wait for the application before its client is no longer read from."""
POLICY, RESTART = 1008, 1012
ROOT_PATH = "daphne-root-path"
FORWARDED_FOR = "X-Forwarded-For"


class Socket(WebSocketProtocol):  # type: ignore[misc]
    """A WebSocket that a client can neither flood nor clog."""

    second, frames, paused = 0, 0, False

    def onConnect(self, request: Any) -> Any:
        request.headers.pop(ROOT_PATH, None)
        return super().onConnect(request)

    def onFrameBegin(self) -> None:
        if self._within_rate():
            super().onFrameBegin()
        else:
            self._shut_out()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        super().onMessage(payload, isBinary)
        if self.application_queue.qsize() >= QUEUED_MESSAGES and not self.paused:
            self.paused = True
            self.transport.pauseProducing()
            reactor.callLater(0.02, self._resume)

    def serverSend(self, content: str | bytes, binary: bool = False) -> None:
        super().serverSend(content, binary)
        if _unsent(self.transport) > UNSENT_BYTES + MESSAGE_BYTES:
            self.transport.abortConnection()

    def restart(self) -> None:
        """Tell the client that the server goes away and that coming back is worth trying."""
        if self.state == self.STATE_OPEN:
            self.sendCloseFrame(code=RESTART, reasonUtf8=b"server restarts")

    def _resume(self) -> None:
        if self.state == self.STATE_CLOSED:
            return
        if self.application_queue.qsize() > QUEUED_MESSAGES // 2:
            reactor.callLater(0.02, self._resume)
            return
        self.paused = False
        self.transport.resumeProducing()

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
        self.transport.loseConnection()


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
        self.channel.transport.write(
            b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        self.channel.loseConnection()


class RequestFactory(HTTPFactory):  # type: ignore[misc]
    def buildProtocol(self, addr: Any) -> Any:
        protocol = super().buildProtocol(addr)
        protocol.requestFactory = Request
        return protocol


def _unsent(transport: Any) -> int:
    """Bytes that Twisted holds for a peer that does not read."""
    return int(len(transport.dataBuffer) - transport.offset + transport._tempDataLen)
