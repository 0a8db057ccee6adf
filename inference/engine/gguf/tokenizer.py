"""The tokenizer that a GGUF file describes, as the data of a tokenizer.json.

Transformers' own converter builds it; what it does not know of is how some vocabularies cut text
before merging (names and rules: llama-vocab.cpp of ggml-org/llama.cpp).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tokenizers import pre_tokenizers
from transformers.integrations.gguf.gguf_tokenizer_mapping import (
    GGUF_PRE_TOKENIZER_SPLITS,
    GGUF_TOKENIZER_MAPPING,
    convert_gguf_tokenizer,
)

from inference.engine.errors import CheckpointError

LISTS = {"tokens": str, "merges": str, "scores": float, "token_type": int}
SINGLE_DIGITS = ("smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b")
"""Vocabularies that cut every digit off before they cut like GPT-2."""
WHOLE_WORDS = (
    "llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2",
    "jina-v5-nano", "tekken",
)  # fmt: skip
"""Vocabularies that take a word which is a token as it is, and that begin a text unless told."""
BEGIN, ADD_BEGIN = "tokenizer.ggml.bos_token_id", "tokenizer.ggml.add_bos_token"
USUAL_BEGIN = 1
"""The id with which SentencePiece vocabularies begin a text that do not name one."""
TURN_ENDS = ("tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id")
PLAIN = ("gpt-2", "gpt2", "mpt", "olmo", "jais", "phi-2", "roberta-bpe", "stablelm2")


def tokenizer_data(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What tokenizer.json would hold. Raises CheckpointError with the key at fault."""
    kind = metadata.get("tokenizer.ggml.model")
    if kind not in ("gpt2", "llama"):
        raise CheckpointError(
            f"tokenizer.ggml.model is {str(kind)[:40]!r}; gpt2 and llama are read.",
            "tokenizer.ggml.model",
        )
    parts = _parts(metadata)
    pre = metadata.get("tokenizer.ggml.pre", "gpt-2")
    known = (*SINGLE_DIGITS, *PLAIN, *GGUF_PRE_TOKENIZER_SPLITS)
    if kind == "gpt2" and pre not in known:
        raise CheckpointError(
            f"tokenizer.ggml.pre is {str(pre)[:40]!r}, which is not known here.",
            "tokenizer.ggml.pre",
        )
    try:
        native, _ = convert_gguf_tokenizer(metadata["general.architecture"], parts)
    except Exception as error:  # any entry may be wrong, and the library checks none
        raise CheckpointError(
            f"The file's tokenizer cannot be built ({type(error).__name__}).",
            "tokenizer.ggml.tokens",
        ) from None
    if kind == "gpt2" and pre in SINGLE_DIGITS:
        native.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Digits(individual_digits=True),
                pre_tokenizers.ByteLevel(add_prefix_space=False),
            ]
        )
    data: dict[str, Any] = json.loads(native.to_str())
    if kind == "gpt2" and pre in WHOLE_WORDS:
        data["model"]["ignore_merges"] = True
    return data


def begin_settings(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What tokenizer_config.json would say of the token in front of a text.

    Raises CheckpointError with the key at fault.
    """
    sentencepiece = metadata.get("tokenizer.ggml.model") == "llama"
    usual = sentencepiece or metadata.get("tokenizer.ggml.pre") in WHOLE_WORDS
    adds = metadata.get(ADD_BEGIN, usual)
    if not isinstance(adds, bool):
        raise CheckpointError(f"{ADD_BEGIN} is {str(adds)[:40]!r}, not true or false.", ADD_BEGIN)
    token = metadata.get(BEGIN, USUAL_BEGIN if sentencepiece else None)
    if not adds or token is None:
        return {"add_bos_token": False}
    tokens = metadata["tokenizer.ggml.tokens"]
    if type(token) is not int or not 0 <= token < len(tokens):
        raise CheckpointError(f"{BEGIN} is {str(token)[:40]!r}, which is no token's.", BEGIN)
    return {"add_bos_token": True, "bos_token": tokens[token]}


def turn_ends(metadata: Mapping[str, Any]) -> tuple[int, ...]:
    """Tokens that end a turn or a message, and with it an answer. Raises CheckpointError."""
    found = [(key, metadata[key]) for key in TURN_ENDS if key in metadata]
    count = len(metadata["tokenizer.ggml.tokens"])
    for key, token in found:
        if type(token) is not int or not 0 <= token < count:
            raise CheckpointError(f"{key} is {str(token)[:40]!r}, which is no token's.", key)
    return tuple(token for _, token in found)


def _parts(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The entries that the converter wants, with lists of the right kind and length."""
    names = GGUF_TOKENIZER_MAPPING["tokenizer"]
    found = {f"tokenizer.{key}": name for key, name in names.items()}
    parts = {name: metadata[key] for key, name in found.items() if key in metadata}
    count = len(parts.get("tokens") or ())
    for key, name in found.items():
        if name in LISTS and name in parts:
            _check_list(key, parts[name], LISTS[name], None if name == "merges" else count)
    if len(set(parts.get("tokens") or ())) != count or not count:
        raise CheckpointError("Tokens are missing or stand there twice.", "tokenizer.ggml.tokens")
    return parts


def _check_list(key: str, value: Any, kind: type, count: int | None) -> None:
    if not isinstance(value, list) or not all(type(item) is kind for item in value):
        raise CheckpointError(f"{key} is not a list of {kind.__name__}.", key)
    if count is not None and len(value) != count:
        raise CheckpointError(f"{key} has {len(value)} items for {count} tokens.", key)
