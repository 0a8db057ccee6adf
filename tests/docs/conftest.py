"""A session of the owner's and a way to have commands carried out, as in the visualizer's tests."""

from tests.visualizer.conftest import entry, play, runtime, session, start

__all__ = ["entry", "play", "runtime", "session", "start"]
