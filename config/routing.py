"""All sockets of the site."""

from __future__ import annotations

from typing import Any, cast

from channels.routing import URLRouter
from django.urls import path, re_path

from accounts.sockets import door, open_door
from visualizer.consumers.reader import ReaderConsumer
from visualizer.routing import websocket_urlpatterns


async def unknown(scope: Any, receive: Any, send: Any) -> None:
    """An address that nobody serves is refused, not an error in the log."""
    await send({"type": "websocket.close", "code": 4404})


sockets = URLRouter([*websocket_urlpatterns, re_path(r"", cast(Any, unknown))])
doors = URLRouter(
    [
        path("ws/r/<str:token>/", cast(Any, open_door(ReaderConsumer.as_asgi()))),
        re_path(r"", cast(Any, door(cast(Any, sockets)))),
    ]
)
"""A link is enough for its own socket; all others know an account."""
