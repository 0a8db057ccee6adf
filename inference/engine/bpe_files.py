"""Byte-level BPE from vocab.json, merges.txt and added_tokens.json, as tokenizer.json data.

Dream, DreamOn and other Qwen2 bodies are published with these files and a class of their own in
Python, which is never run: what it does stands in a table here. Every entry is checked, since the
files come from anywhere, and a fault names the file that holds it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from inference.engine.errors import CheckpointError
from inference.engine.pieces import byte_table
from inference.engine.shards import read_json

VOCAB, MERGES, ADDED, CONFIG = (
    "vocab.json",
    "merges.txt",
    "added_tokens.json",
    "tokenizer_config.json",
)
FILES = (VOCAB, MERGES, ADDED)
MOST_BYTES = 64 * 2**20
"""Twenty times what any published vocabulary takes."""
Added = dict[str, Any]

QWEN2_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""How Qwen2 cuts a text before merging (transformers, models/qwen2: PRETOKENIZE_REGEX)."""


def _byte_level(use_regex: bool) -> dict[str, Any]:
    return {
        "type": "ByteLevel",
        "add_prefix_space": False,
        "trim_offsets": False,
        "use_regex": use_regex,
    }


_QWEN2 = {
    "normalizer": {"type": "NFC"},
    "pre_tokenizer": {
        "type": "Sequence",
        "pretokenizers": [
            {
                "type": "Split",
                "pattern": {"Regex": QWEN2_SPLIT},
                "behavior": "Isolated",
                "invert": False,
            },
            _byte_level(use_regex=False),
        ],
    },
}
_GPT2 = {"normalizer": None, "pre_tokenizer": _byte_level(use_regex=True)}
CLASSES: dict[str | None, dict[str, Any]] = {
    # tokenizer_class of tokenizer_config.json → normalizer and pre-tokenizer
    "DreamTokenizer": _QWEN2,
    "DreamTokenizerFast": _QWEN2,
    "Qwen2Tokenizer": _QWEN2,
    "Qwen2TokenizerFast": _QWEN2,
    "GPT2Tokenizer": _GPT2,
    "GPT2TokenizerFast": _GPT2,
    None: _QWEN2,  # no such file: of the families here only Qwen2 bodies are published so
}


def has_bpe_files(directory: Path) -> bool:
    """Whether vocab.json and merges.txt lie there."""
    return all((directory / name).is_file() for name in (VOCAB, MERGES))


def bpe_data(directory: Path) -> dict[str, Any]:
    """What tokenizer.json would say of the directory's files. Raises CheckpointError."""
    config = tokenizer_config(directory)
    vocabulary = _ids_of(directory, VOCAB)
    _check_bytes(vocabulary)
    added = _added_tokens(directory, config, vocabulary)
    model = {"type": "BPE", "vocab": vocabulary, "merges": list(_merges(directory, vocabulary))}
    return {
        "version": "1.0",
        "added_tokens": sorted(added.values(), key=lambda token: token["id"]),
        **_splitting(config),
        "post_processor": None,
        "decoder": _byte_level(use_regex=True),
        "model": model,
    }


def tokenizer_config(directory: Path) -> dict[str, Any]:
    """tokenizer_config.json, empty when there is none. Raises CheckpointError."""
    path = directory / CONFIG
    return read_json(path, MOST_BYTES) if path.exists() else {}


def token_text(value: Any) -> str | None:
    """A token of tokenizer_config.json, which writes it as text or as an object with `content`."""
    found = value.get("content") if isinstance(value, dict) else value
    return found if isinstance(found, str) else None


def _splitting(config: dict[str, Any]) -> dict[str, Any]:
    name = config.get("tokenizer_class")
    if not (name is None or isinstance(name, str)) or name not in CLASSES:
        known = ", ".join(filter(None, CLASSES))
        raise CheckpointError(
            f"{CONFIG} has tokenizer_class = {name!r}. Without a tokenizer.json these are read: "
            f"{known}.",
            "tokenizer_class",
        )
    return CLASSES[name]


def _ids_of(directory: Path, file: str) -> dict[str, int]:
    """Token → id; whole numbers from 0, each of them once."""
    found = read_json(directory / file, MOST_BYTES)
    names: dict[int, str] = {}
    for token, number in found.items():
        if not isinstance(number, int) or isinstance(number, bool) or number < 0:
            raise CheckpointError(f"{file} gives {token!r} the id {number!r}.", file)
        if number in names:
            raise CheckpointError(
                f"{file} gives the id {number} to {names[number]!r} and to {token!r}.", file
            )
        names[number] = token
    if not found:
        raise CheckpointError(f"{file} names no token.", file)
    return found


def _check_bytes(vocabulary: dict[str, int]) -> None:
    missing = [byte for character, byte in byte_table().items() if character not in vocabulary]
    if missing:
        raise CheckpointError(f"{VOCAB} has no token for the byte 0x{missing[0]:02X}.", VOCAB)


def _merges(directory: Path, vocabulary: dict[str, int]) -> Iterator[list[str]]:
    path = directory / MERGES  # a regular file, see has_bpe_files
    if path.stat().st_size > MOST_BYTES:
        raise CheckpointError(f"{MERGES} is larger than {MOST_BYTES >> 20} MiB.", MERGES)
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{MERGES} is not readable text: {error}.", MERGES) from None
    for number, line in enumerate(lines, 1):
        if not line or (number == 1 and line.startswith("#version")):
            continue
        pair = line.removesuffix("\r").split(" ")
        if len(pair) != 2 or any(part not in vocabulary for part in (*pair, "".join(pair))):
            raise CheckpointError(
                f"Line {number} of {MERGES} does not merge two tokens of {VOCAB} into a third.",
                MERGES,
            )
        yield pair


def _added_tokens(
    directory: Path, config: dict[str, Any], vocabulary: dict[str, int]
) -> dict[str, Added]:
    """Text → added token, from added_tokens.json and the table in tokenizer_config.json."""
    special = _special_texts(config)
    tokens: dict[str, Added] = {}
    if (directory / ADDED).exists():
        for text, number in _ids_of(directory, ADDED).items():
            tokens[text] = _added(text, number, special=text in special)
    for text, token in _declared(config):
        if text in tokens and tokens[text]["id"] != token["id"]:
            raise CheckpointError(f"{ADDED} and {CONFIG} give {text!r} different ids.", ADDED)
        tokens[text] = token
    _check_added(tokens, vocabulary)
    return tokens


def _check_added(tokens: dict[str, Added], vocabulary: dict[str, int]) -> None:
    """No id may stand for two texts, here or in the vocabulary."""
    texts = {number: text for text, number in vocabulary.items()}
    for text, token in tokens.items():
        known = texts.setdefault(token["id"], text)
        if known != text or vocabulary.get(text, token["id"]) != token["id"]:
            raise CheckpointError(
                f"{ADDED} gives {text!r} the id {token['id']}, against what {VOCAB} says.", ADDED
            )


def _special_texts(config: dict[str, Any]) -> set[str]:
    """The texts of all tokens that tokenizer_config.json names by their part in a text."""
    named = [value for key, value in config.items() if key.endswith("_token")]
    more = config.get("additional_special_tokens")
    found = (token_text(value) for value in [*named, *(more if isinstance(more, list) else [])])
    return {text for text in found if text}


def _declared(config: dict[str, Any]) -> Iterator[tuple[str, Added]]:
    """The rows of added_tokens_decoder: id → text and how it is matched."""
    table = config.get("added_tokens_decoder") or {}
    if not isinstance(table, dict):
        raise CheckpointError(f"{CONFIG}'s added_tokens_decoder must be an object.", CONFIG)
    for number, row in table.items():
        text = token_text(row)
        if not number.isdecimal() or not text or not isinstance(row, dict):
            raise CheckpointError(f"{CONFIG} has no token of the id {number!r}.", CONFIG)
        yield text, _added(text, int(number), **{key: bool(row.get(key)) for key in _FLAGS})


_FLAGS = ("special", "single_word", "lstrip", "rstrip", "normalized")


def _added(text: str, number: int, **flags: bool) -> Added:
    return {**dict.fromkeys(_FLAGS, False), "id": number, "content": text, **flags}
