"""Text to ids and back, and what single tokens look like."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer as Native
from tokenizers import decoders, models, pre_tokenizers

from inference.engine.errors import CheckpointError
from inference.engine.pieces import byte_table, readable
from inference.engine.tokenization import Tokenizer

MASK = "<|mdm_mask|>"


def _write(directory: Path, native: Native) -> Tokenizer:
    native.save(str(directory / "tokenizer.json"))
    found = Tokenizer.from_directory(directory)
    assert found is not None
    return found


@pytest.fixture
def byte_level(tmp_path: Path) -> Tokenizer:
    """Byte-level BPE with every byte, one merge and two special tokens."""
    table = sorted(byte_table())
    vocabulary = {piece: number for number, piece in enumerate([*table, "Ġa"])}
    native = Native(models.BPE(vocab=vocabulary, merges=[("Ġ", "a")]))
    native.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    native.decoder = decoders.ByteLevel()
    native.add_special_tokens([MASK])
    native.add_tokens(["<role>"])
    return _write(tmp_path, native)


@pytest.mark.parametrize("text", ["", "a b", " a", "é ü 漢字 🙂\n\t", "x <|mdm_mask|> <role> y"])
def test_text_comes_back(byte_level: Tokenizer, text: str) -> None:
    assert byte_level.decode(byte_level.encode(text)) == text


@pytest.mark.parametrize("token", [MASK, "<role>"])
def test_special_tokens_in_text_are_only_text(byte_level: Tokenizer, token: str) -> None:
    number = byte_level.id_of(token)
    assert number is not None
    assert number not in byte_level.encode(f"a {token} b")
    assert number in byte_level.encode(f"a {token} b", special=True)


def test_pieces_keep_leading_spaces_and_join_to_the_text(byte_level: Tokenizer) -> None:
    pieces = byte_level.pieces()
    assert len(pieces) == byte_level.size == 256 + 1 + 2
    ids = byte_level.encode("a a\n")
    assert [pieces[i] for i in ids] == ["a", " a", "\n"]
    assert pieces[byte_level.id_of(MASK) or 0] == MASK


def test_pieces_of_partial_characters_and_of_holes(byte_level: Tokenizer) -> None:
    pieces = byte_level.pieces(400)
    assert [pieces[i] for i in byte_level.encode("é")] == ["<0xC3>", "<0xA9>"]
    assert pieces[399] == "[399]"
    assert all(piece.encode("utf-8") for piece in pieces)


def test_readable_mixes_characters_and_bytes() -> None:
    assert readable("aé".encode() + b"\xff") == "aé<0xFF>"


def test_byte_fallback_and_metaspace(tmp_path: Path) -> None:
    vocabulary = {"<unk>": 0, "<0x0A>": 1, "▁hi": 2, "yo": 3, "<0xE2>": 4}
    native = Native(models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>", byte_fallback=True))
    native.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    assert _write(tmp_path, native).pieces() == ["<unk>", "\n", " hi", "yo", "<0xE2>"]


def test_word_pieces(tmp_path: Path) -> None:
    native = Native(models.WordPiece(vocab={"[UNK]": 0, "play": 1, "##ing": 2}, unk_token="[UNK]"))
    native.decoder = decoders.WordPiece()
    assert _write(tmp_path, native).pieces()[1:] == [" play", "ing"]


def test_the_hash_is_that_of_the_file(byte_level: Tokenizer, tmp_path: Path) -> None:
    import hashlib

    raw = (tmp_path / "tokenizer.json").read_bytes()
    assert byte_level.hash == hashlib.sha256(raw).hexdigest()


def test_no_tokenizer_is_none(tmp_path: Path) -> None:
    assert Tokenizer.from_directory(tmp_path) is None


@pytest.mark.parametrize("text", ["", "[1]", json.dumps({"model": {"type": "Nonsense"}})])
def test_a_broken_tokenizer_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "tokenizer.json").write_text(text)
    with pytest.raises(CheckpointError) as caught:
        Tokenizer.from_directory(tmp_path)
    assert caught.value.field == "tokenizer.json"
