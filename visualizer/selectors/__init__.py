"""Reading: every row is reached through a function that takes the user or an owned session."""

from visualizer.selectors.generation import generation_state, state_update
from visualizer.selectors.history import StateRef, digest_at, head_of, state_at
from visualizer.selectors.labels import labels_for
from visualizer.selectors.sessions import branch_for, session_for, sessions_of
from visualizer.selectors.snapshots import snapshot

__all__ = [
    "StateRef",
    "branch_for",
    "digest_at",
    "generation_state",
    "head_of",
    "labels_for",
    "session_for",
    "sessions_of",
    "snapshot",
    "state_at",
    "state_update",
]
