"""Clients that ask by token."""

from tests.visualizer.api.conftest import ask, ask_as

__all__ = ["ask", "ask_as"]
