"""Sockets of the playground."""

from __future__ import annotations

from django.urls import re_path

from playground.consumers.reader import LinkConsumer
from playground.consumers.stream import ChatStreamConsumer
from playground.consumers.watch import WatchConsumer

websocket_urlpatterns = [
    re_path(r"^ws/chat/stream/?$", ChatStreamConsumer.as_asgi()),
    re_path(r"^ws/conversation/watch/(?P<conversation_id>[^/]+)/?$", WatchConsumer.as_asgi()),
]
link_urlpatterns = [re_path(r"^ws/r/chat/(?P<token>[^/]+)/?$", LinkConsumer.as_asgi())]
"""A link is enough for these; the others know an account."""
