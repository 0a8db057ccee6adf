"""How a token of a vocabulary reads as text, by the kind of decoder in tokenizer.json."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache, partial
from typing import Any

_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")


def storable(text: str) -> str:
    """The text with U+FFFD for NUL, which PostgreSQL holds neither in texts nor in JSON."""
    return text.replace("\0", "\ufffd")


def piece_reader(data: dict[str, Any]) -> Callable[[str], str]:
    """The function token → text that fits the tokenizer's decoder.

    Bytes that are no whole character stand in it as Python's surrogateescape has them (U+DCNN);
    `readable` shows them. Without a decoder tokens are words: the library joins them by blanks.
    """
    decoder = json.dumps(data.get("decoder"))
    if '"ByteLevel"' in decoder:
        return _from_bytes
    if '"WordPiece"' in decoder:
        return _from_wordpiece
    if '"BPEDecoder"' in decoder:
        end = str(data["decoder"].get("suffix") or "</w>")
        return lambda token: token.replace(end, " ")
    if decoder == "null":
        return lambda token: " " + token
    blanks = '"Metaspace"' in decoder or "\\u2581" in decoder
    fallback = '"ByteFallback"' in decoder or data.get("model", {}).get("byte_fallback") is True
    return partial(_from_sentencepiece, blanks=blanks, fallback=fallback)


def byte_reader(data: dict[str, Any]) -> Callable[[str], bytes]:
    """The function token → bytes of UTF-8, of which a token may hold a part of a character."""
    read = piece_reader(data)
    return lambda token: read(token).encode("utf-8", "surrogateescape")


def _from_bytes(token: str) -> str:
    table = byte_table()
    if any(character not in table for character in token):
        return token
    return _raw(bytes(table[character] for character in token))


def _from_sentencepiece(token: str, blanks: bool, fallback: bool) -> str:
    match = _BYTE.fullmatch(token) if fallback else None
    if match:
        return _raw(bytes([int(match[1], 16)]))
    return token.replace("\u2581", " ") if blanks else token


def _from_wordpiece(token: str) -> str:
    return token[2:] if token.startswith("##") else " " + token


def _raw(data: bytes) -> str:
    return data.decode("utf-8", errors="surrogateescape")


def shown(piece: str) -> str:
    """A raw piece as it may leave the engine: bytes that are no whole character as <0xNN>."""
    return piece if piece.isascii() else piece.translate(_SHOWN)


def readable(raw: bytes) -> str:
    """The bytes as text; those that are no whole character are shown as <0xNN>."""
    return shown(_raw(raw))


# Python's surrogateescape maps byte 0xNN to U+DCNN; a lone surrogate must reach no wire.
_SHOWN = {0xDC00 + byte: f"<0x{byte:02X}>" for byte in range(0x80, 0x100)}


@cache
def byte_table() -> dict[str, int]:
    """Character → byte of byte-level BPE: printable bytes stand for themselves, others follow."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table = {chr(byte): byte for byte in printable}
    rest = [byte for byte in range(256) if byte not in printable]
    return table | {chr(256 + index): byte for index, byte in enumerate(rest)}
