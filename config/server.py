"""The web server: Daphne with our limits."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

# Daphne first: it installs Twisted's asyncio reactor.
import daphne.server
from daphne.endpoints import build_endpoint_description_strings
from twisted.internet import reactor
from twisted.internet.task import deferLater

from config.protocols import RequestFactory, Socket, SocketFactory

log = logging.getLogger(__name__)
GOODBYE_SECONDS = 0.3


class Server(daphne.server.Server):  # type: ignore[misc]
    """Says goodbye to open sockets, and remembers why it could not listen."""

    failure: str | None = None
    on_listen: Callable[[], None] | None = None

    def listen_success(self, port: Any) -> None:
        super().listen_success(port)
        if self.on_listen is not None:
            self.on_listen()

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        """What goes to an open socket waits for its reader; Daphne sees to the rest."""
        if message["type"] in ("websocket.send", "websocket.close") and _is_open(protocol):
            await protocol.deliver(message)
        else:
            await super().handle_reply(protocol, message)

    def listen_error(self, failure: Any) -> None:
        self.failure = failure.getErrorMessage()
        super().listen_error(failure)

    def kill_all_applications(self) -> Any:
        """Called before the reactor stops: close frames first, and a moment to send them."""
        for protocol in list(self.connections):
            if isinstance(protocol, Socket):
                protocol.restart()
        kill = super().kill_all_applications
        return deferLater(reactor, GOODBYE_SECONDS, lambda: None).addCallback(lambda _: kill())


def _is_open(protocol: Any) -> bool:
    return isinstance(protocol, Socket) and protocol.state != protocol.STATE_CONNECTING


def build(
    application: Any, host: str, port: int, message_bytes: int, behind_proxy: bool = False
) -> Server:
    """A server that is ready to `run()` in the main thread.

    Behind a proxy a client's address is the one that the proxy tells; otherwise such headers are
    anybody's words and are not believed.
    """
    # Daphne's run() takes its factories from its module; it has no other door for them.
    daphne.server.HTTPFactory = RequestFactory
    daphne.server.WebSocketFactory = SocketFactory
    return Server(
        application=application,
        endpoints=build_endpoint_description_strings(host=host, port=port),
        websocket_max_message_size=message_bytes,
        websocket_max_frame_size=message_bytes,
        websocket_timeout=-1,
        server_name="unmask",
        application_close_timeout=5,
        proxy_forwarded_address_header="X-Forwarded-For" if behind_proxy else None,
        proxy_forwarded_proto_header="X-Forwarded-Proto" if behind_proxy else None,
    )
