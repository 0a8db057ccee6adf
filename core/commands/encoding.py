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
"""Entries from which a list or an object is encoded in pieces."""
RUN = 16
"""So many entries of a long list make a piece, unless one of them is long itself."""
DEPTH = 4


def as_json(message: dict[str, Any]) -> str:
    """The text that goes over the wire. Raises ValueError for NaN and infinities."""
    return "".join(_pieces(message, DEPTH))


def _is_large(value: Any, depth: int) -> bool:
    """Whether a long list stands within reach."""
    if isinstance(value, list):
        return len(value) >= LONG
    if not isinstance(value, dict) or depth == 0:
        return False
    return len(value) >= LONG or any(_is_large(item, depth - 1) for item in value.values())


def _pieces(value: Any, depth: int) -> Iterator[str]:
    if not _is_large(value, depth):
        yield _ENCODER.encode(value)
    elif isinstance(value, list):
        yield from _joined("[", _runs(value, depth), "]")
    else:
        rows = (_member(key, item, depth) for key, item in value.items())
        yield from _joined("{", rows, "}")


def _runs(value: list[Any], depth: int) -> Iterator[Iterator[str]]:
    for first in range(0, len(value), RUN):
        run = value[first : first + RUN]
        if any(_is_large(item, depth) for item in run):
            yield from (_pieces(item, depth) for item in run)
        else:
            yield iter((_ENCODER.encode(run)[1:-1],))


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
