"""Sockets of the visualizer."""

from __future__ import annotations

from django.urls import path

from visualizer.consumers.api import ApiConsumer
from visualizer.consumers.page import PageConsumer
from visualizer.consumers.reader import ReaderConsumer

websocket_urlpatterns = [
    path("ws", ApiConsumer.as_asgi()),
    path("ws/sessions/<str:session_id>/", PageConsumer.as_asgi()),
]
link_urlpatterns = [path("ws/r/<str:token>/", ReaderConsumer.as_asgi())]
"""A link is enough for these; the others know an account."""
