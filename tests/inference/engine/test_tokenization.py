"""Text to ids and back, and what single tokens look like."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tokenizers import AddedToken, decoders, models, pre_tokenizers, processors
from tokenizers import Tokenizer as Native

from inference.engine.errors import CheckpointError, InputError
from inference.engine.pieces import byte_table, readable
from inference.engine.text_spans import decode
from inference.engine.tokenization import Tokenizer, checked_prompt

MASK = "<|mdm_mask|>"


def _byte_level(*special: str) -> Native:
    """Byte-level BPE without merges."""
    native = Native(models.BPE(vocab={p: n for n, p in enumerate(byte_table())}, merges=[]))
    native.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    native.decoder = decoders.ByteLevel()
    native.add_special_tokens(list(special))
    return native


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
    byte_level.reserve([number])  # a mark of the family's chat template
    assert number not in byte_level.encode(f"a {token} b")
    assert number in byte_level.encode(f"a {token} b", special=True)


def test_added_tokens_that_are_not_special_are_matched_as_published(tmp_path: Path) -> None:
    """Runs of blanks, as in the tokenizers of ModernBERT and GPT-NeoX."""
    native = _byte_level(MASK)
    native.add_tokens([AddedToken(" " * n, special=False, normalized=True) for n in (8, 4, 2)])
    ours = _write(tmp_path, native)
    text = "def f():\n        return 1  # x"
    official = native.encode(text, add_special_tokens=False).ids
    assert len(official) < len(text)
    assert ours.encode(text) == official
    assert ours.id_of(MASK) not in ours.encode(f"{text}{MASK}")


BEGIN = "<bos>"


def _with_begin(tmp_path: Path, config: dict[str, object] | None = None) -> Tokenizer:
    native = _byte_level(MASK, BEGIN)
    native.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN} $A {MASK}",
        special_tokens=[(name, native.token_to_id(name) or 0) for name in (BEGIN, MASK)],
    )
    if config is not None:
        (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    return _write(tmp_path, native)


def test_the_leading_tokens_of_the_template_stand_before_a_prompt_once(tmp_path: Path) -> None:
    ours = _with_begin(tmp_path)
    begin = ours.id_of(BEGIN)
    assert ours.leading == [begin]
    assert ours.encode_prompt("ab") == [begin, *ours.encode("ab")]
    assert ours.encode_prompt(f"{BEGIN}ab", special=True) == [begin, *ours.encode("ab")]
    assert ours.encode_prompt("") == [begin]
    assert begin not in ours.encode("ab")


@pytest.mark.parametrize(
    ("config", "led"),
    [
        ({"add_bos_token": False}, False),
        ({"add_bos_token": True, "bos_token": BEGIN}, True),
        ({"add_bos_token": True, "bos_token": {"content": BEGIN}}, True),
        ({"add_bos_token": True, "bos_token": "<nobody>"}, False),
        ({"add_bos_token": True}, False),
        ({"add_bos_token": "yes"}, True),  # no truth value: the template decides
    ],
)
def test_tokenizer_config_has_the_last_word_on_the_begin_token(
    config: dict[str, object], led: bool, tmp_path: Path
) -> None:
    ours = _with_begin(tmp_path, config)
    assert ours.leading == ([ours.id_of(BEGIN)] if led else [])


def test_a_leading_token_without_a_row_is_refused_at_once(tmp_path: Path) -> None:
    """It stands before every prompt, so that none could be read."""
    ours = _with_begin(tmp_path)
    begin = ours.id_of(BEGIN)
    assert begin is not None
    ours.reserve([begin])
    with pytest.raises(CheckpointError, match="in front of every text") as refused:
        ours.check_rows(begin)
    assert refused.value.field == "tokenizer.json"


def test_text_without_a_row_is_refused_and_special_tokens_without_one_are_not(
    tmp_path: Path,
) -> None:
    data = json.loads(_byte_level(MASK).to_str())
    rows = len(data["model"]["vocab"]) + 1
    data["added_tokens"].append(
        {**data["added_tokens"][0], "id": rows, "content": "<pad>", "special": True}
    )
    (tmp_path / "tokenizer.json").write_text(json.dumps(data))
    ours = Tokenizer.from_directory(tmp_path)
    assert ours is not None
    ours.check_rows(rows)
    assert checked_prompt(ours, "a<pad>", False, rows) == ours.encode("a<pad>")
    with pytest.raises(InputError) as refused:
        checked_prompt(ours, "a<pad>", True, rows)
    assert refused.value.field == "prompt"
    data["model"]["vocab"]["Q"] = 2 * rows
    (tmp_path / "tokenizer.json").write_text(json.dumps(data))
    wide = Tokenizer.from_directory(tmp_path)
    assert wide is not None
    with pytest.raises(CheckpointError, match="'Q' the id") as caught:
        wide.check_rows(rows)
    assert caught.value.field == "tokenizer.json"


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


BYTES = {f"<0x{byte:02X}>": byte + 1 for byte in range(256)}
WORDS = {"<unk>": 0, "one": 1, "two": 2}
JOINED: dict[str, tuple[Any, Any, Any]] = {
    # what a token is: the model, how text is cut, the decoder
    "bytes, without blanks": (
        models.BPE({"<unk>": 0, **BYTES}, [], unk_token="<unk>", byte_fallback=True),
        None,
        decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()]),
    ),
    "letters with a mark at a word's end": (
        models.BPE({c: n for n, c in enumerate([*"onetw", "e</w>", "o</w>"])}, [],
                   end_of_word_suffix="</w>"),
        pre_tokenizers.Whitespace(),
        decoders.BPEDecoder(suffix="</w>"),
    ),
    "words, without a decoder": (
        models.WordLevel(WORDS, unk_token="<unk>"), pre_tokenizers.Whitespace(), None
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", JOINED)
def test_pieces_join_to_what_the_library_decodes(kind: str, tmp_path: Path) -> None:
    model, cut, decoder = JOINED[kind]
    native = Native(model)
    if cut is not None:
        native.pre_tokenizer = cut
    if decoder is not None:
        native.decoder = decoder
    tokenizer = _write(tmp_path, native)
    pieces = tokenizer.raw_pieces()
    for text in ("one two", "é 你好 😀") if cut is None else ("one two",):
        ids = tokenizer.encode(text)
        assert decode([pieces[token] for token in ids]).text.strip() == text
        assert b"".join(map(tokenizer.token_bytes, ids)).decode().strip() == text
        assert tokenizer.decode(ids) == text


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


@pytest.mark.parametrize(
    "text", ["", "[1]", json.dumps({"model": {"type": "Nonsense"}}), "[" * 100_000, '{"model"']
)
def test_a_broken_tokenizer_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "tokenizer.json").write_text(text)
    with pytest.raises(CheckpointError) as caught:
        Tokenizer.from_directory(tmp_path)
    assert caught.value.field == "tokenizer.json"
