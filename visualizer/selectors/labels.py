"""Text of a session's tokens, from the stored vocabulary."""

from __future__ import annotations

from inference.labels import labels
from visualizer.models import Session


class Labels:
    """Token id → its text as shown: leading spaces kept, raw, never HTML."""

    def __init__(self, pieces: list[str]) -> None:
        self.pieces = pieces

    def __call__(self, token: int) -> str:
        return self.pieces[token] if 0 <= token < len(self.pieces) else f"[{token}]"

    def __len__(self) -> int:
        return len(self.pieces)


def labels_for(session: Session) -> Labels:
    """The labels of the session's model; ids in brackets if its vocabulary is not known."""
    return Labels(labels(session.model.vocabulary))
