"""Tokens into text as they come: whole characters only, and nothing beyond a stop text."""

from __future__ import annotations

import codecs
from collections.abc import Sequence

from inference.engine.pieces import storable
from inference.engine.tokenization import Tokenizer


class TextStream:
    """Decodes UTF-8 token by token; bytes of a character that is not complete are held back.

    Special tokens add nothing. Bytes that no character begins with become U+FFFD, and so does NUL,
    which PostgreSQL holds in no text.
    """

    def __init__(self, tokenizer: Tokenizer | None) -> None:
        self._tokenizer = tokenizer
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, token: int) -> str:
        """The text that is complete with this token."""
        if self._tokenizer is None or token in self._tokenizer.special:
            return ""
        return storable(self._decoder.decode(self._tokenizer.token_bytes(token)))

    def flush(self) -> str:
        """What was held back, at the end: U+FFFD for a character that was cut off."""
        return self._decoder.decode(b"", final=True)


class StopTexts:
    """Holds back what may be the beginning of a stop text, and notices a whole one."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops, self._held = tuple(stops), ""

    def push(self, text: str) -> tuple[str, bool]:
        """Text that may be shown, and whether a stop text has been completed right after it."""
        self._held += text
        found = [place for stop in self._stops if (place := self._held.find(stop)) >= 0]
        if found:
            shown, self._held = self._held[: min(found)], ""
            return shown, True
        keep = max((_overlap(self._held, stop) for stop in self._stops), default=0)
        cut = len(self._held) - keep
        shown, self._held = self._held[:cut], self._held[cut:]
        return shown, False

    def flush(self) -> str:
        """What was held back, when the answer ends without a stop text."""
        shown, self._held = self._held, ""
        return shown


def _overlap(text: str, stop: str) -> int:
    """Length of the longest ending of `text` that `stop` begins with."""
    longest = min(len(text), len(stop) - 1)
    return next((n for n in range(longest, 0, -1) if text.endswith(stop[:n])), 0)
