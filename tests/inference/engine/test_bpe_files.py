"""A byte-level BPE from vocab.json, merges.txt and added_tokens.json; hostile files of each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from transformers import Qwen2Tokenizer

from inference.engine import bpe_files
from inference.engine.errors import CheckpointError
from inference.engine.pieces import byte_table
from inference.engine.tokenization import Tokenizer

TEXTS = [
    "Hello the world, they're 12345 here!",
    "  def f(x):\n\t\treturn x  \n\n\né 你好 😀",
    "I'LL we'd it's \r\n   trailing   ",
    "e\u0301 composed",
]
MERGES = [("t", "h"), ("th", "e"), ("Ġ", "the"), ("1", "2"), ("\u010a", "\u010a"), ("Ġ", "Ġ")]


def _vocabulary() -> dict[str, int]:
    table = {character: number for number, character in enumerate(byte_table())}
    return table | {"".join(pair): 256 + n for n, pair in enumerate(MERGES)}


ADDED = {"<|endoftext|>": 262, "<|im_start|>": 263, "<tool_call>": 264, "<|mask|>": 270}
SPECIAL = ["<|im_start|>", "<|mask|>"]


def _write(directory: Path, **changes: Any) -> Path:
    files: dict[str, Any] = {
        "vocab.json": _vocabulary(),
        "merges.txt": "\n".join(["#version: 0.2", *(" ".join(pair) for pair in MERGES), ""]),
        "added_tokens.json": ADDED,
        "tokenizer_config.json": {
            "tokenizer_class": "DreamTokenizer",
            "eos_token": "<|endoftext|>",
            "additional_special_tokens": SPECIAL,
        },
    }
    files |= {name.replace("__", "."): content for name, content in changes.items()}
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (directory / name).write_text(text, encoding="utf-8")
    return directory


def _tokenizer(directory: Path) -> Tokenizer:
    found = Tokenizer.from_directory(directory)
    assert found is not None
    return found


@pytest.mark.parametrize("text", TEXTS)
def test_it_reads_as_transformers_own_class_does(text: str, tmp_path: Path) -> None:
    ours = _tokenizer(_write(tmp_path))
    theirs = Qwen2Tokenizer(
        vocab=_vocabulary(), merges=[tuple(pair) for pair in MERGES], pad_token=None
    )
    assert ours.encode(text) == theirs.encode(text, add_special_tokens=False)
    assert ours.decode(ours.encode(text)) == theirs.decode(ours.encode(text))


def test_a_mark_and_line_ends_of_an_editor_change_nothing(tmp_path: Path) -> None:
    """U+FEFF at the beginning of every file, and CR LF between the merges."""
    plain, saved = tmp_path / "plain", tmp_path / "saved"
    for folder in (plain, saved):
        folder.mkdir()
        _write(folder)
    for file in saved.iterdir():
        text = file.read_text(encoding="utf-8").replace("\n", "\r\n")
        file.write_bytes(("\ufeff" + text).encode())
    for text in TEXTS:
        assert _tokenizer(saved).encode(text) == _tokenizer(plain).encode(text)


def test_added_tokens_stand_at_their_ids_with_their_flags(tmp_path: Path) -> None:
    ours = _tokenizer(_write(tmp_path))
    assert {text: ours.id_of(text) for text in ADDED} == ADDED
    assert ours.special == {262, 263, 270}
    assert ours.encode("a<tool_call>b") == [*ours.encode("a"), 264, *ours.encode("b")]
    assert 270 not in ours.encode("<|mask|>")
    assert ours.encode("<|mask|>", special=True) == [270]
    assert ours.pieces(272)[262:271] == [*list(ADDED)[:3], *(f"[{n}]" for n in range(265, 270)),
                                         "<|mask|>"]  # fmt: skip


def test_the_table_of_tokenizer_config_says_how_tokens_are_matched(tmp_path: Path) -> None:
    table = {str(n): {"content": text, "special": False} for text, n in ADDED.items()}
    table["270"] = {"content": "<|mask|>", "special": True, "lstrip": True}
    config = {"tokenizer_class": "Qwen2Tokenizer", "added_tokens_decoder": table}
    ours = _tokenizer(_write(tmp_path, tokenizer_config__json=config))
    assert ours.special == {270}
    assert ours.encode("a  <|mask|>", special=True) == [*ours.encode("a"), 270]


def test_gpt2_splits_otherwise(tmp_path: Path) -> None:
    text = "x\n\n\ny 123"
    qwen = _tokenizer(_write(tmp_path)).encode(text)
    config = {"tokenizer_class": "GPT2Tokenizer"}
    assert _tokenizer(_write(tmp_path, tokenizer_config__json=config)).encode(text) != qwen


def test_the_hash_covers_all_the_files(tmp_path: Path) -> None:
    hashes = {_tokenizer(_write(tmp_path)).hash}
    hashes.add(_tokenizer(_write(tmp_path, added_tokens__json={**ADDED, "<x>": 271})).hash)
    hashes.add(_tokenizer(_write(tmp_path, merges__txt="t h\n")).hash)
    assert len(hashes) == 3


def test_tokenizer_json_stands_above_the_other_files(tmp_path: Path) -> None:
    _write(tmp_path)
    native = _tokenizer(tmp_path)._reading
    native.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "vocab.json").write_text("[")
    assert _tokenizer(tmp_path).encode("the") == native.encode("the").ids


def test_half_of_the_files_are_no_tokenizer(tmp_path: Path) -> None:
    _write(tmp_path)
    (tmp_path / "merges.txt").unlink()
    assert Tokenizer.from_directory(tmp_path) is None


def _vocab(**changes: Any) -> str:
    return json.dumps(_vocabulary() | changes)


HOSTILE: list[tuple[str, str, str]] = [
    # the file, what is in it, and what is said of it
    ("vocab.json", "[" * 100_000, "not readable JSON"),
    ("vocab.json", _vocab()[:-40], "not readable JSON"),
    ("vocab.json", "[]", "must hold a JSON object"),
    ("vocab.json", "{}", "names no token"),
    ("vocab.json", '{"a": 0}', "no token for the byte"),
    ("vocab.json", _vocab(zz="7"), "gives 'zz' the id '7'"),
    ("vocab.json", _vocab(zz=1.5), "gives 'zz' the id 1.5"),
    ("vocab.json", _vocab(zz=True), "gives 'zz' the id True"),
    ("vocab.json", _vocab(zz=None), "gives 'zz' the id None"),
    ("vocab.json", _vocab(zz=-1), "gives 'zz' the id -1"),
    ("vocab.json", _vocab(zz=[[]]), "gives 'zz' the id"),
    ("vocab.json", _vocab(zz=3), "gives the id 3 to"),
    ("vocab.json", _vocab(zz=2**70), "another's|cannot be used|gives 'zz' the id"),
    ("merges.txt", "t h e\n", "Line 1 of merges.txt"),
    ("merges.txt", "th\n", "Line 1 of merges.txt"),
    ("merges.txt", "#version: 0.2\nt h\nq q\n", "Line 3 of merges.txt"),
    ("merges.txt", "nobody t\n", "Line 1 of merges.txt"),
    ("added_tokens.json", "[" * 100_000, "not readable JSON"),
    ("added_tokens.json", '{"<x>": 26', "not readable JSON"),
    ("added_tokens.json", "[1]", "must hold a JSON object"),
    ("added_tokens.json", '{"<x>": "270"}', "the id '270'"),
    ("added_tokens.json", '{"<x>": 270, "<y>": 270}', "gives the id 270 to"),
    ("added_tokens.json", '{"<x>": 5}', "against what vocab.json says"),
    ("added_tokens.json", '{"the": 270}', "against what vocab.json says"),
]


@pytest.mark.parametrize(("file", "content", "said"), HOSTILE)
def test_broken_and_hostile_files_are_refused_by_name(
    file: str, content: str, said: str, tmp_path: Path
) -> None:
    _write(tmp_path, **{file.replace(".", "__"): content})
    with pytest.raises(CheckpointError, match=said) as caught:
        _tokenizer(tmp_path).check_rows(300)
    assert caught.value.field == file


@pytest.mark.parametrize("file", ["vocab.json", "merges.txt", "added_tokens.json"])
def test_huge_files_and_bytes_that_are_no_text_are_refused(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(tmp_path)
    (tmp_path / file).write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(CheckpointError, match="not readable") as caught:
        _tokenizer(tmp_path)
    assert caught.value.field == file
    _write(tmp_path)
    monkeypatch.setattr(bpe_files, "MOST_BYTES", 2**20)
    with (tmp_path / file).open("ab") as stream:
        stream.truncate(2**20 + 1)
    with pytest.raises(CheckpointError, match="larger than 1 MiB") as large:
        _tokenizer(tmp_path)
    assert large.value.field == file


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"tokenizer_class": "LlamaTokenizer"}, "tokenizer_class"),
        ({"tokenizer_class": ["Qwen2Tokenizer"]}, "tokenizer_class"),
        ({"added_tokens_decoder": [1]}, "tokenizer_config.json"),
        ({"added_tokens_decoder": {"x": {"content": "<x>"}}}, "tokenizer_config.json"),
        ({"added_tokens_decoder": {"270": {"content": 5}}}, "tokenizer_config.json"),
        ({"added_tokens_decoder": {"270": "<x>"}}, "tokenizer_config.json"),
        ({"added_tokens_decoder": {"271": {"content": "<|mask|>"}}}, "added_tokens.json"),
        ({"added_tokens_decoder": {"270": {"content": "<other>"}}}, "added_tokens.json"),
    ],
)
def test_a_tokenizer_config_that_fits_nothing_is_refused(
    config: dict[str, Any], field: str, tmp_path: Path
) -> None:
    with pytest.raises(CheckpointError) as caught:
        _tokenizer(_write(tmp_path, tokenizer_config__json=config))
    assert caught.value.field == field


def test_an_id_without_a_row_names_its_file(tmp_path: Path) -> None:
    ours = _tokenizer(_write(tmp_path))
    ours.check_rows(271)
    ours.check_rows(265)  # the mask lies beyond, which no text stands for
    with pytest.raises(CheckpointError, match="'<tool_call>' the id 264") as caught:
        ours.check_rows(264)
    assert caught.value.field == "vocab.json"
