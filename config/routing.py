"""All sockets of the site."""

from __future__ import annotations

from typing import Any, cast

from channels.routing import URLRouter
from django.urls import re_path

from accounts.sockets import AccountMiddlewareStack, OriginValidator
from playground.routing import link_urlpatterns as playground_links
from playground.routing import websocket_urlpatterns as playground_sockets
from playground.training.routing import link_urlpatterns as training_links
from playground.training.routing import websocket_urlpatterns as training_sockets
from visualizer.routing import link_urlpatterns, websocket_urlpatterns


async def unknown(scope: Any, receive: Any, send: Any) -> None:
    """An address that nobody serves is refused, not an error in the log."""
    await send({"type": "websocket.close", "code": 4404})


nowhere = re_path(r"", cast(Any, unknown))
sockets = URLRouter([*websocket_urlpatterns, *playground_sockets, *training_sockets, nowhere])
links = URLRouter([*playground_links, *training_links, *link_urlpatterns, nowhere])
websockets = URLRouter(
    [
        re_path(r"^(?=ws/r/)", cast(Any, OriginValidator(cast(Any, links)))),
        re_path(r"", cast(Any, AccountMiddlewareStack(cast(Any, sockets)))),
    ]
)
