"""Addresses of the playground."""

from __future__ import annotations

from django.urls import path

from playground.views.api import chat as api_chat

urlpatterns = [
    path("api/chat", api_chat, name="api_chat"),
]
