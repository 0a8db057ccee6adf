"""Conversations, answers and texts token by token in Django's admin: to be looked at."""

from __future__ import annotations

from playground.admin import conversations, texts

__all__ = ["conversations", "texts"]
