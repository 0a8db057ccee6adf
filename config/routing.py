"""All sockets of the site."""

from __future__ import annotations

from channels.routing import URLRouter

from visualizer.routing import websocket_urlpatterns

sockets = URLRouter(websocket_urlpatterns)
