"""Vocabularies of GGUF files: what stands in front of a text, what ends an answer, bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from inference.engine import checkpoint
from inference.engine.checkpoint import LoadedModel
from inference.engine.errors import CheckpointError
from inference.engine.tokenization import Tokenizer
from tests.inference.engine.gguf.files import vocabulary, write_gguf

BYTES = [f"<0x{value:02X}>" for value in range(256)]
PIECES = ["▁", *"helowrd", "he", "ll", "hell", "hello", "▁hello"]
WORDS = ["<unk>", "<s>", "</s>", *BYTES, *PIECES, "<end_of_turn>"]
SENTENCEPIECE: dict[str, Any] = {
    "tokenizer.ggml.model": "llama",
    "tokenizer.ggml.pre": None,
    "tokenizer.ggml.merges": None,
    "tokenizer.ggml.tokens": WORDS,
    "tokenizer.ggml.scores": [-float(number) for number in range(len(WORDS))],
    "tokenizer.ggml.token_type": [2, 3, 3, *[6] * 256, *[1] * len(PIECES), 3],
    "tokenizer.ggml.bos_token_id": 1,
    "tokenizer.ggml.eos_token_id": 2,
}


def load(folder: Path, monkeypatch: pytest.MonkeyPatch, **changed: Any) -> LoadedModel:
    """A model with as many rows as its vocabulary has tokens."""
    tokens = changed.get("tokenizer.ggml.tokens") or vocabulary()
    monkeypatch.setattr("tests.inference.engine.gguf.files.vocabulary", lambda: tokens)
    return checkpoint.load(write_gguf(folder / "model.gguf", **changed))


def tokenizer_of(model: LoadedModel) -> Tokenizer:
    assert model.tokenizer is not None
    return model.tokenizer


@pytest.mark.parametrize(
    ("changed", "begins"),
    [
        ({"tokenizer.ggml.pre": "gpt-2"}, False),
        ({"tokenizer.ggml.pre": "gpt-2", "tokenizer.ggml.add_bos_token": True}, True),
        ({"tokenizer.ggml.pre": "llama-bpe"}, True),
        ({"tokenizer.ggml.pre": "llama-bpe", "tokenizer.ggml.add_bos_token": False}, False),
        ({"tokenizer.ggml.pre": "llama-bpe", "tokenizer.ggml.bos_token_id": None}, False),
        (SENTENCEPIECE, True),
        ({**SENTENCEPIECE, "tokenizer.ggml.bos_token_id": None}, True),
        ({**SENTENCEPIECE, "tokenizer.ggml.add_bos_token": False}, False),
    ],
)
def test_a_text_begins_as_the_file_says_or_its_kind_does(
    changed: dict[str, Any], begins: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = tokenizer_of(load(tmp_path, monkeypatch, **changed))
    first = 1 if changed.get("tokenizer.ggml.model") else len(vocabulary()) - 3
    plain = tokenizer.encode("hello")
    assert tokenizer.encode_prompt("hello") == ([first, *plain] if begins else plain)


def test_a_word_that_is_a_token_needs_no_merges_where_the_vocabulary_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = [*vocabulary(), "lodd"]
    kinds = {"tokenizer.ggml.tokens": tokens, "tokenizer.ggml.token_type": [1] * len(tokens)}
    for pre, count in (("llama-bpe", 1), ("gpt-2", 4)):
        model = load(tmp_path, monkeypatch, **kinds, **{"tokenizer.ggml.pre": pre})
        assert len(tokenizer_of(model).encode("lodd")) == count


@pytest.mark.parametrize("key", ["eot", "eom"])
def test_the_end_of_a_turn_ends_an_answer(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load(tmp_path, monkeypatch, **{f"tokenizer.ggml.{key}_token_id": 44})
    assert 44 in model.spec.end_ids
    assert len(vocabulary()) - 1 in model.spec.end_ids


@pytest.mark.parametrize("text", ["hello", "hello  hello", "naïve 漢字 😀", "a\n\tb", "<s></s>"])
def test_sentencepiece_keeps_every_byte(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = tokenizer_of(load(tmp_path, monkeypatch, **SENTENCEPIECE))
    ids = tokenizer.encode(text)
    assert not {0, 1, 2} & set(ids)
    told = b"".join(tokenizer.token_bytes(token) for token in ids).decode()
    assert told.removeprefix(" ") == text
    assert tokenizer.decode(ids).removeprefix(" ") == text


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("tokenizer.ggml.add_bos_token", "yes"),
        ("tokenizer.ggml.add_bos_token", 1),
        ("tokenizer.ggml.bos_token_id", 10**6),
        ("tokenizer.ggml.eot_token_id", 10**6),
        ("tokenizer.ggml.eom_token_id", "x"),
    ],
)
def test_marks_that_are_none_are_refused_by_key(key: str, value: Any, tmp_path: Path) -> None:
    begins = {"tokenizer.ggml.add_bos_token": True}
    path = write_gguf(tmp_path / "model.gguf", **{**begins, key: value})
    with pytest.raises(CheckpointError) as caught:
        checkpoint.load(path)
    assert caught.value.field == key
