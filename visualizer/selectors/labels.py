"""Text of tokens, from the stored vocabulary: no tokenizer library is needed."""

from __future__ import annotations

import json
import zlib
from functools import lru_cache

from inference.models import Vocabulary
from visualizer.models import Session


class Labels:
    """Token id → its text as shown: leading spaces kept, raw, never HTML."""

    def __init__(self, pieces: list[str]) -> None:
        self.pieces = pieces

    def __call__(self, token: int) -> str:
        return self.pieces[token] if 0 <= token < len(self.pieces) else f"[{token}]"

    def __len__(self) -> int:
        return len(self.pieces)


@lru_cache(maxsize=8)
def _labels(hash: str) -> Labels:
    packed = Vocabulary.objects.values_list("pieces", flat=True).get(hash=hash)
    return Labels(json.loads(zlib.decompress(packed)))


def labels_for(session: Session) -> Labels:
    """The labels of the session's model; ids in brackets if its vocabulary is not known."""
    vocabulary = session.model.vocabulary
    return _labels(vocabulary.hash) if vocabulary else Labels([])
