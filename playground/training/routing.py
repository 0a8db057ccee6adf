"""Sockets of trainings."""

from __future__ import annotations

from django.urls import re_path

from playground.training.consumers.reader import LinkConsumer
from playground.training.consumers.watch import WatchConsumer

websocket_urlpatterns = [
    re_path(r"^ws/training/(?P<training_id>[^/]+)/?$", WatchConsumer.as_asgi())
]
link_urlpatterns = [re_path(r"^ws/r/training/(?P<token>[^/]+)/?$", LinkConsumer.as_asgi())]
"""A link is enough for these; the others know an account."""
