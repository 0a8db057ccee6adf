"""A SHA-256 chain over the parts of a record: each hash is that of everything before and in a part.

A flipped bit, a part left out or put elsewhere breaks it from there on. It guards against
accidents: whoever changes a record on purpose can make the hashes again.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

Part = dict[str, Any]


class Chain:
    """The running hash; `add` takes the next part and returns the hash up to there."""

    def __init__(self, header: Part) -> None:
        self.hash = ""
        self.add(header)

    def add(self, part: Part) -> str:
        """Hex SHA-256 of the hash so far and the part without a hash of its own."""
        told = {key: value for key, value in part.items() if key != "hash"}
        self.hash = hashlib.sha256((self.hash + canonical(told)).encode()).hexdigest()
        return self.hash


def canonical(value: Any) -> str:
    """JSON with sorted keys, no blanks and whole numbers without a point: however it was written,
    what reads as the same value has the same text."""
    return json.dumps(
        _whole(value), ensure_ascii=True, allow_nan=False, sort_keys=True, separators=(",", ":")
    )


def _whole(value: Any) -> Any:
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if isinstance(value, dict):
        return {key: _whole(held) for key, held in value.items()}
    return [_whole(held) for held in value] if isinstance(value, list) else value
