"""The tokenizer of a model directory, from tokenizer.json alone.

Every added token is treated as special, so that a user who types `<|mdm_mask|>` writes those
characters and not a mask.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer as Native

from inference.engine.errors import CheckpointError
from inference.engine.pieces import piece_reader
from inference.engine.shards import read_json

FILE = "tokenizer.json"


class Tokenizer:
    """Text to ids and back. `size` counts the known tokens, special ones included."""

    def __init__(self, data: dict[str, Any], content_hash: str) -> None:
        self.hash = content_hash
        self._data = {**data, "padding": None, "truncation": None}
        for token in self._data.get("added_tokens") or []:
            token["special"] = True
        self._reading = self._native(interpret=True)
        self._literal = self._native(interpret=False)
        self.size = self._reading.get_vocab_size(with_added_tokens=True)

    @classmethod
    def from_directory(cls, directory: Path) -> Tokenizer | None:
        """The directory's tokenizer, or None when there is none. Raises CheckpointError."""
        file = directory / FILE
        if not file.exists():
            return None
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        return cls(read_json(file), digest)

    def encode(self, text: str, special: bool = False) -> list[int]:
        """Ids of the text alone: no begin or end token is added.

        Special tokens written in the text are characters like any other unless `special` is true.
        """
        native = self._reading if special else self._literal
        ids: list[int] = native.encode(text, add_special_tokens=False).ids
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of the ids, special tokens shown; ids without a token are left out."""
        text: str = self._reading.decode(list(ids), skip_special_tokens=False)
        return text

    def id_of(self, token: str) -> int | None:
        """The id of a token given by its exact text, or None."""
        found: int | None = self._reading.token_to_id(token)
        return found

    def pieces(self, size: int | None = None) -> list[str]:
        """What each id adds to the text, leading spaces kept; `size` rows, by default all."""
        read = piece_reader(self._data)
        special = {t["id"] for t in self._data.get("added_tokens") or []}
        count = size if size is not None else self.size
        return [self._piece(i, read, special) for i in range(count)]

    def _piece(self, token_id: int, read: Callable[[str], str], special: set[int]) -> str:
        token = self._reading.id_to_token(token_id)
        if token is None:
            return f"[{token_id}]"
        return token if token_id in special else read(token)

    def _native(self, interpret: bool) -> Native:
        try:
            native = Native.from_str(json.dumps(self._data))
        except Exception as error:  # the library raises plain Exception for a bad file
            raise CheckpointError(f"{FILE} cannot be used: {error}.", FILE) from None
        native.encode_special_tokens = not interpret
        return native
