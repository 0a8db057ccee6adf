"""Sessions and what belongs to them in Django's admin: to be looked at, not to be changed."""

from __future__ import annotations

from visualizer.admin import generations, sessions, user_data

__all__ = ["generations", "sessions", "user_data"]
