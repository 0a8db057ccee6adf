"""The text of every token, for the web side: no tokenizer library is needed to show a session."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from inference.engine.pieces import shown
from inference.engine.text_spans import raw_of
from inference.models import Vocabulary


def pack(pieces: Sequence[str], special: Iterable[int] = ()) -> bytes:
    """Raw pieces and the ids of special tokens as they are kept in Vocabulary.pieces."""
    kept = {"pieces": list(pieces), "special": sorted(special)}
    return zlib.compress(json.dumps(kept).encode(), 6)


def vocabulary_hash(tokenizer_hash: str | None, size: int) -> str:
    """The key of a vocabulary: that of the tokenizer's files and how many rows the model has."""
    return hashlib.sha256(f"{tokenizer_hash}:{size}".encode()).hexdigest()


def labels(vocabulary: Vocabulary | None) -> list[str]:
    """Text by token id, leading spaces kept; raw text, never HTML. Empty without a vocabulary."""
    return _read(vocabulary.hash).shown if vocabulary is not None else []


def raw_pieces(vocabulary: Vocabulary | None) -> list[str]:
    """The same for `text_spans.decode`: bytes that are no whole character as U+DCNN."""
    return _read(vocabulary.hash).raw if vocabulary is not None else []


def special_ids(vocabulary: Vocabulary | None) -> list[int]:
    """The tokens that are special for the tokenizer or the model's family, ascending."""
    return _read(vocabulary.hash).special if vocabulary is not None else []


class _Vocabulary(NamedTuple):
    shown: list[str]
    raw: list[str]
    special: list[int]


@lru_cache(maxsize=8)
def _read(content_hash: str) -> _Vocabulary:
    packed = Vocabulary.objects.values_list("pieces", flat=True).get(hash=content_hash)
    kept = json.loads(zlib.decompress(bytes(packed)))
    if isinstance(kept, list):  # by an older version: as they are shown, and no word of special
        kept = {"pieces": [raw_of(piece) for piece in kept], "special": _named(kept)}
    shown_pieces = [shown(piece) for piece in kept["pieces"]]
    return _Vocabulary(shown_pieces, kept["pieces"], kept["special"])


def _named(pieces: Sequence[str]) -> list[int]:
    """Tokens that look like <|eot|>."""
    return [n for n, text in enumerate(pieces) if text.startswith("<|") and text.endswith("|>")]


def label(vocabulary: Vocabulary | None, token_id: int) -> str:
    """The text of one token; its number in brackets when the vocabulary does not know it."""
    known = labels(vocabulary)
    return known[token_id] if 0 <= token_id < len(known) else f"[{token_id}]"
