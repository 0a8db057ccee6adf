"""Cleaning a text while it grows: `auto_trim` and `fix_punctuation` as streaming filters.

A filter takes what the text grew by and gives what may be sent on; whitespace whose fate depends on
what follows waits. Pieces that were sent are never changed, so that they join to the clean text.
"""

from __future__ import annotations

from collections.abc import Callable

CLOSING = frozenset(",.;:!?")
"""Marks that stand right behind a word."""


class TextFilter:
    """`auto_trim`: no whitespace at either end. `fix_punctuation`: none before CLOSING marks."""

    def __init__(self, auto_trim: bool = False, fix_punctuation: bool = False) -> None:
        self._trim, self._fix = auto_trim, fix_punctuation
        self._waiting = ""
        self.length = 0

    def feed(self, text: str) -> str:
        """What may be sent on of the text so far, beyond what was sent before."""
        if not (self._trim or self._fix):
            return self._count(text)
        text = self._waiting + text
        kept = text.rstrip()
        self._waiting = text[len(kept) :]
        return self._count(self._clean(kept))

    def close(self) -> str:
        """The rest, when nothing follows."""
        rest, self._waiting = self._waiting, ""
        return "" if self._trim else self._count(rest)

    def whole(self, text: str) -> str:
        """A whole text, cleaned by a filter of the same kind."""
        fresh = TextFilter(self._trim, self._fix)
        return fresh.feed(text) + fresh.close()

    def _clean(self, text: str) -> str:
        for applies, change in self._changes():
            text = change(text) if applies else text
        return text

    def _changes(self) -> tuple[tuple[bool, Callable[[str], str]], ...]:
        return (self._fix, _closed_up), (self._trim and self.length == 0, str.lstrip)

    def _count(self, text: str) -> str:
        self.length += len(text)
        return text


def _closed_up(text: str) -> str:
    """The text without whitespace right before a mark of CLOSING."""
    out: list[str] = []
    for letter in text:
        if letter in CLOSING:
            while out and out[-1].isspace():
                out.pop()
        out.append(letter)
    return "".join(out)
