"""The text of every token, for the web side: no tokenizer library is needed to show a session."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from functools import lru_cache

from inference.models import Vocabulary


def pack(pieces: Sequence[str]) -> bytes:
    """Pieces as they are kept in Vocabulary.pieces."""
    return zlib.compress(json.dumps(list(pieces)).encode(), 6)


def labels(vocabulary: Vocabulary | None) -> list[str]:
    """Text by token id, leading spaces kept; raw text, never HTML. Empty without a vocabulary."""
    return _labels(vocabulary.hash) if vocabulary is not None else []


@lru_cache(maxsize=8)
def _labels(content_hash: str) -> list[str]:
    packed = Vocabulary.objects.values_list("pieces", flat=True).get(hash=content_hash)
    pieces: list[str] = json.loads(zlib.decompress(bytes(packed)))
    return pieces


def label(vocabulary: Vocabulary | None, token_id: int) -> str:
    """The text of one token; its number in brackets when the vocabulary does not know it."""
    known = labels(vocabulary)
    return known[token_id] if 0 <= token_id < len(known) else f"[{token_id}]"
