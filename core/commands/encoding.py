"""JSON as it goes over the wire; large messages are encoded in pieces.

The encoder keeps the interpreter to itself until it is done. Five megabytes at once would hold up
every other socket of the process for a tenth of a second; in pieces others run in between.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
LONG = 64
"""Entries from which a list is encoded one by one."""
DEPTH = 4


def as_json(message: dict[str, Any]) -> str:
    """The text that goes over the wire. Raises ValueError for NaN and infinities."""
    if not _is_large(message, DEPTH):
        return _ENCODER.encode(message)
    return "".join(_pieces(message, DEPTH))


def _is_large(value: Any, depth: int) -> bool:
    """Whether a long list stands within reach."""
    if isinstance(value, list):
        return len(value) >= LONG
    if not isinstance(value, dict) or depth == 0:
        return False
    return len(value) >= LONG or any(_is_large(item, depth - 1) for item in value.values())


def _pieces(value: Any, depth: int) -> Iterator[str]:
    if depth == 0 or not value or not isinstance(value, dict | list):
        yield _ENCODER.encode(value)
    elif isinstance(value, list):
        yield from _joined("[", ((_pieces(item, depth - 1)) for item in value), "]")
    else:
        rows = (_member(key, item, depth) for key, item in value.items())
        yield from _joined("{", rows, "}")


def _member(key: Any, item: Any, depth: int) -> Iterator[str]:
    # The encoder makes texts of keys that are numbers; a pair alone shows how it would.
    yield _ENCODER.encode({key: 0})[1:-2]
    yield from _pieces(item, depth - 1)


def _joined(first: str, rows: Iterator[Iterator[str]], last: str) -> Iterator[str]:
    separator = first
    for row in rows:
        yield separator
        yield from row
        separator = ","
    yield last
