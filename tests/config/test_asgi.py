"""The wiring stands: pages and sockets have their doors."""

from __future__ import annotations

from channels.routing import ProtocolTypeRouter

from config.asgi import application


def test_the_application_serves_pages_and_sockets() -> None:
    assert isinstance(application, ProtocolTypeRouter)
    assert set(application.application_mapping) == {"http", "websocket"}
