"""The tokenizer of a model directory: tokenizer.json, or the files of a byte-level BPE.

A token is special if the tokenizer says so or the model's family needs it: a user who types
`<|mdm_mask|>` writes those characters and not a mask. Other added tokens (runs of blanks) are
matched as the published tokenizer does.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer as Native

from inference.engine import bpe_files
from inference.engine.errors import CheckpointError, InputError
from inference.engine.pieces import byte_reader, piece_reader, shown, storable
from inference.engine.shards import content_hash, read_json

FILE = "tokenizer.json"
MOST_BYTES = 256 * 2**20
MISSING = (
    f"There is no {FILE} (nor {bpe_files.VOCAB} with {bpe_files.MERGES}), so that this model reads "
    "no text. Write one beside the weights: AutoTokenizer.from_pretrained(NAME) of transformers, "
    "then save_pretrained(FOLDER)."
)


class Tokenizer:
    """Text to ids and back. `size` counts the known tokens, special ones included.

    `special` are the ids that text never stands for; `leading` those that the tokenizer's own
    template puts in front of a text.
    """

    def __init__(
        self,
        data: dict[str, Any],
        content_hash: str,
        config: dict[str, Any] | None = None,
        file: str = FILE,
    ) -> None:
        self.hash, self._file = content_hash, file
        _check_added(data, file)
        self._added: list[dict[str, Any]] = list(data.get("added_tokens") or [])
        self._data = {**data, "padding": None, "truncation": None, "model": self._model(data)}
        self._reading = self._native(self._data, interpret=True)
        self.special = frozenset(
            token["id"] for token in self._added if token.get("special") is True
        )
        self.size = self._reading.get_vocab_size(with_added_tokens=True)
        self.leading = self._leading(config or {})

    @classmethod
    def from_directory(cls, directory: Path) -> Tokenizer | None:
        """The directory's tokenizer, or None when there is none. Raises CheckpointError."""
        config = bpe_files.tokenizer_config(directory)
        if (directory / FILE).exists():
            data = read_json(directory / FILE, MOST_BYTES)
            return cls(data, content_hash([directory / FILE]), config)
        if not bpe_files.has_bpe_files(directory):
            return None
        present = [path for name in bpe_files.FILES if (path := directory / name).exists()]
        data = bpe_files.bpe_data(directory)
        return cls(data, content_hash(present), config, bpe_files.VOCAB)

    def reserve(self, ids: Iterable[int]) -> None:
        """Take these ids for special ones too: those that a model's family gives a meaning."""
        self.special = self.special.union(ids)
        self.__dict__.pop("_literal", None)

    def check_rows(self, rows: int) -> None:
        """Raises CheckpointError if a text could have an id for which the model has no row.

        Special tokens may lie beyond, text never stands for them, but not those that are put in
        front of every text.
        """
        if beyond := [number for number in self.leading if number >= rows]:
            said = f"{self._file} puts the id {beyond[0]} in front of every text"
            raise CheckpointError(f"{said}; the model has {rows} rows.", self._file)
        for token, number in self._reading.get_vocab(with_added_tokens=True).items():
            if number >= rows and number not in self.special:
                said = f"{self._file} gives {token[:40]!r} the id {number}"
                raise CheckpointError(f"{said}; the model has {rows} rows.", self._file)

    def encode(self, text: str, special: bool = False) -> list[int]:
        """Ids of the text alone: no begin or end token is added.

        Special tokens written in the text are characters like any other unless `special` is true.
        """
        native = self._reading if special else self._literal
        ids: list[int] = native.encode(text, add_special_tokens=False).ids
        return ids

    def encode_prompt(self, text: str, special: bool = False) -> list[int]:
        """Ids of a text with the tokenizer's leading tokens in front, once."""
        ids = self.encode(text, special)
        return ids if ids[: len(self.leading)] == self.leading else self.leading + ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of the ids, special tokens shown; ids without a token are left out."""
        text: str = self._reading.decode(list(ids), skip_special_tokens=False)
        return text

    def id_of(self, token: str) -> int | None:
        """The id of a token given by its exact text, or None."""
        found: int | None = self._reading.token_to_id(token)
        return found

    def token_bytes(self, token_id: int) -> bytes:
        """What a token adds to the text, in UTF-8: whole characters, or parts of one.

        An id without a token adds nothing; an added token its own characters.
        """
        token = self._reading.id_to_token(token_id)
        if token is None:
            return b""
        return token.encode() if token_id in self._added_ids else self._bytes_of(token)

    @cached_property
    def _added_ids(self) -> frozenset[int]:
        return frozenset(token["id"] for token in self._added)

    @cached_property
    def _bytes_of(self) -> Callable[[str], bytes]:
        return byte_reader(self._data)

    def pieces(self, size: int | None = None) -> list[str]:
        """What each id adds to the text, leading spaces kept; `size` rows, by default all."""
        return [shown(piece) for piece in self.raw_pieces(size)]

    def raw_pieces(self, size: int | None = None) -> list[str]:
        """The same with bytes that are no whole character as U+DCNN, which `text_spans` joins."""
        read = piece_reader(self._data)
        added = {token["id"] for token in self._added}
        count = size if size is not None else self.size
        return [self._piece(i, read, added) for i in range(count)]

    def _piece(self, token_id: int, read: Callable[[str], str], added: set[int]) -> str:
        token = self._reading.id_to_token(token_id)
        if token is None:
            return f"[{token_id}]"
        return storable(token if token_id in added else read(token))

    @cached_property
    def _literal(self) -> Native:
        """The tokenizer that reads special tokens as the characters they are written with."""
        added = [{**token, "special": token["id"] in self.special} for token in self._added]
        return self._native({**self._data, "added_tokens": added}, interpret=False)

    def _model(self, data: dict[str, Any]) -> Any:
        """The model with the added tokens in its vocabulary, which keeps them at their ids.

        The library numbers tokens that are not in it behind the last one, whatever the file says.
        """
        model = data.get("model")
        if not isinstance(model, dict) or not isinstance(model.get("vocab"), dict):
            return model
        vocabulary = model["vocab"]
        texts = {number: text for text, number in vocabulary.items()}
        wanted = {token["content"]: token["id"] for token in self._added}
        for text, number in wanted.items():
            if texts.setdefault(number, text) != text or vocabulary.get(text, number) != number:
                said = f"{self._file} gives {text[:40]!r} the id {number}, which is another's."
                raise CheckpointError(said, self._file)
        return {**dict(model or {}), "vocab": vocabulary | wanted}

    def _native(self, data: dict[str, Any], interpret: bool) -> Native:
        try:
            native = Native.from_str(json.dumps(data))
        except Exception as error:  # the library raises plain Exception for a bad file
            raise CheckpointError(f"{self._file} cannot be used: {error}.", self._file) from None
        native.encode_special_tokens = not interpret
        return native

    def _leading(self, config: dict[str, Any]) -> list[int]:
        """As tokenizer_config.json says in so many words, else as the template does."""
        if isinstance(config.get("add_bos_token"), bool):
            begin = bpe_files.token_text(config.get("bos_token"))
            found = self.id_of(begin) if begin and config["add_bos_token"] else None
            return [] if found is None else [found]
        shown = self._reading.encode("a", add_special_tokens=True)
        marks = [*shown.special_tokens_mask, 0]
        return list(shown.ids[: marks.index(0)])


def _check_added(data: dict[str, Any], file: str) -> None:
    """Raises CheckpointError for added tokens that are no list of text, id and flag."""
    rows = data.get("added_tokens") or []
    for row in rows if isinstance(rows, list) else [None]:
        sound = isinstance(row, dict) and isinstance(row.get("content"), str)
        number = row.get("id") if isinstance(row, dict) else None
        if not sound or not isinstance(number, int) or isinstance(number, bool) or number < 0:
            raise CheckpointError(f"{file} has an added token without a text or an id.", file)


def checked_prompt(tokenizer: Tokenizer, text: str, special: bool, rows: int) -> list[int]:
    """`encode_prompt`. Raises InputError for an id for which the model has no row."""
    return checked_ids(tokenizer.encode_prompt(text, special), rows)


def checked_ids(ids: list[int], rows: int) -> list[int]:
    """The same ids. Raises InputError for one for which the model has no row."""
    beyond = next((number for number in ids if not 0 <= number < rows), None)
    if beyond is not None:
        raise InputError(
            f"The prompt holds a token with the id {beyond}; this model knows 0 to {rows - 1}.",
            "prompt",
        )
    return ids
