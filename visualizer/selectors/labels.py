"""Text of a session's tokens, from the stored vocabulary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from inference.engine.text_spans import Decoded, decode
from inference.labels import labels, raw_pieces, special_ids
from visualizer.models import Session


class Labels:
    """Token id → its text as shown: leading spaces kept, raw, never HTML."""

    def __init__(
        self, pieces: list[str], raw: list[str] | None = None, special: list[int] | None = None
    ) -> None:
        self.pieces = pieces
        self.raw = pieces if raw is None else raw
        self.special = special or []

    def __call__(self, token: int) -> str:
        return self.pieces[token] if 0 <= token < len(self.pieces) else f"[{token}]"

    def raw_of(self, token: int) -> str:
        """The raw piece of a token: bytes that are no whole character as U+DCNN."""
        return self.raw[token] if 0 <= token < len(self.raw) else f"[{token}]"

    def decode(self, tokens: Iterable[int]) -> Decoded:
        """The text of some tokens, special ones and masks shown, and the span of each."""
        return decode([self.raw_of(token) for token in tokens])

    def text(self, tokens: Iterable[int], instead: Mapping[int, str] | None = None) -> str:
        """The text of some tokens, whole characters joined; some ids shown as other texts."""
        other = instead or {}
        return decode([other.get(token, self.raw_of(token)) for token in tokens]).text

    def __len__(self) -> int:
        return len(self.pieces)


def labels_for(session: Session) -> Labels:
    """The labels of the session's model; ids in brackets if its vocabulary is not known."""
    vocabulary = session.model.vocabulary
    return Labels(labels(vocabulary), raw_pieces(vocabulary), special_ids(vocabulary))
