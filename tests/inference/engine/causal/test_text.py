"""Tokens as text: no text, label or piece holds what a database refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from tokenizers import Tokenizer as Native
from tokenizers import decoders, models

from inference.engine.causal.text import TextStream
from inference.engine.pieces import byte_table
from inference.engine.tokenization import Tokenizer


@pytest.fixture
def bytes_alone(tmp_path: Path) -> Tokenizer:
    """One token for each byte."""
    vocabulary = dict(byte_table().items())
    native = Native(models.BPE(vocab=vocabulary, merges=[]))
    native.decoder = decoders.ByteLevel()
    native.save(str(tmp_path / "tokenizer.json"))
    found = Tokenizer.from_directory(tmp_path)
    assert found is not None
    return found


def test_nul_is_shown_as_a_character_that_databases_keep(bytes_alone: Tokenizer) -> None:
    stream = TextStream(bytes_alone)
    assert [stream.push(byte) for byte in b"a\0b"] == ["a", "\ufffd", "b"]
    assert "\0" not in "".join(bytes_alone.raw_pieces() + bytes_alone.pieces())
    assert bytes_alone.token_bytes(0) == b"\0"
