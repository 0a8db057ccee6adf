"""Tokens to text with whole characters: which part of the text each position contributes to.

Byte-level vocabularies cut characters apart: an emoji takes several tokens. Here the bytes of
neighbours are joined before they are decoded, so that no character is lost and every position
knows the characters it has a share in. Pure Python, for the web side too.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass

from inference.engine.pieces import readable

Span = tuple[int, int]
_BYTES = re.compile(r"(?:<0x[89A-F][0-9A-F]>)+")
_LENGTHS = {0b110: 2, 0b1110: 3, 0b11110: 4}
"""First bits of a character's first byte → its length in UTF-8."""


@dataclass(frozen=True)
class Decoded:
    """The text, and for each token the characters [start, end) of it in which it has a share.

    Spans of neighbours overlap in a character that takes several tokens. Bytes that make no
    character are written as <0xNN>.
    """

    text: str
    spans: tuple[Span, ...]

    def own(self) -> list[str]:
        """The characters that begin in each token; they join to the text. "" where a token only
        goes on with one that began before it.
        """
        begun, done = [], 0
        for start, end in self.spans:
            begun.append(self.text[max(start, done) : end])
            done = max(done, end)
        return begun


def decode(pieces: Sequence[str]) -> Decoded:
    """The text of raw pieces (`Tokenizer.raw_pieces`), in which byte 0xNN stands as U+DCNN."""
    parts: list[str] = []
    spans: list[Span] = []
    length = first = 0
    while first < len(pieces):
        last = _joined_until(pieces, first)
        text, own = _run(pieces[first:last])
        parts.append(text)
        spans += [(length + start, length + end) for start, end in own]
        length, first = length + len(text), last
    return Decoded("".join(parts), tuple(spans))


def growth(pieces: Sequence[str]) -> list[str]:
    """By what the text grows with each raw piece: a character with the last of its tokens.

    Bytes of no character become U+FFFD, as in every text that is sent as it grows.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    grown = [decoder.decode(piece.encode("utf-8", "surrogateescape")) for piece in pieces]
    return [*grown[:-1], *(last + decoder.decode(b"", final=True) for last in grown[-1:])]


def raw_of(label: str) -> str:
    """The raw piece of a token as it is shown; <0xNN> is taken for the byte."""
    return _BYTES.sub(lambda found: _bytes_of(found[0]), label) if "<0x" in label else label


def _bytes_of(shown: str) -> str:
    return bytes.fromhex(shown.replace("<0x", "").replace(">", "")).decode(
        "utf-8", "surrogateescape"
    )


def is_whole(piece: str) -> bool:
    """Whether a raw piece has no part of a character that it shares with others."""
    return piece.isascii() or not any("\udc80" <= letter <= "\udcff" for letter in piece)


def _joined_until(pieces: Sequence[str], first: int) -> int:
    """The end of the neighbours from `first` on whose bytes have to be looked at together."""
    last = first + 1
    if not is_whole(pieces[first]):
        while last < len(pieces) and not is_whole(pieces[last]):
            last += 1
    return last


def _run(pieces: Sequence[str]) -> tuple[str, list[Span]]:
    """Text and spans of some neighbours."""
    if len(pieces) == 1 and is_whole(pieces[0]):
        return pieces[0], [(0, len(pieces[0]))]
    data = [piece.encode("utf-8", "surrogateescape") for piece in pieces]
    owners = [number for number, part in enumerate(data) for _ in part]
    joined, parts = b"".join(data), list[str]()
    starts: dict[int, int] = {}
    ends: dict[int, int] = {}
    at = length = 0
    while at < len(joined):
        size = _size_at(joined, at)
        text = readable(joined[at : at + size])
        for owner in owners[at : at + size]:
            starts.setdefault(owner, length)
            ends[owner] = length + len(text)
        parts.append(text)
        at, length = at + size, length + len(text)
    return "".join(parts), [(starts.get(n, 0), ends.get(n, 0)) for n in range(len(pieces))]


def _size_at(data: bytes, at: int) -> int:
    """Bytes of the character at a place; 1 for a byte that begins none."""
    size = next((n for bits, n in _LENGTHS.items() if data[at] >> (7 - n) == bits), 1)
    try:
        data[at : at + size].decode("utf-8")
    except UnicodeDecodeError:
        return 1
    return size if len(data) >= at + size else 1
