"""Sessions and what belongs to them in Django's admin: to be looked at, not to be changed."""

from __future__ import annotations

from visualizer.admin import sessions, user_data

__all__ = ["sessions", "user_data"]
