"""The first look at foreign files: hostile ones end the child, never the worker."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from inference.engine.errors import LoadCancelled
from inference.errors import UnmaskError
from inference.runtime.probe import probe
from tests.tiny import tiny_model


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return tiny_model(tmp_path / "m")


def _refusal(model: Path, seconds: float = 60, limit: int = 4 * 2**30) -> str:
    with pytest.raises(UnmaskError) as caught:
        probe(model, seconds, limit)
    assert caught.value.error_type == "model_loading"
    assert str(model) not in caught.value.message
    return caught.value.message


def _weights(model: Path, header: bytes, length: int | None = None, body: bytes = b"") -> None:
    size = (len(header) if length is None else length).to_bytes(8, "little")
    (model / "model.safetensors").write_bytes(size + header + body)


def test_a_sound_checkpoint_passes(model: Path) -> None:
    probe(model)


def test_pickles_are_named_and_never_read(model: Path) -> None:
    (model / "model.safetensors").rename(model / "pytorch_model.bin")
    assert "pickle files are never read" in _refusal(model)


@pytest.mark.parametrize(
    ("header", "length", "expected"),
    [
        (b"{}", 2**63 - 1, "impossible size"),
        (b"{", None, "not readable JSON"),
        (b"[" * 50_000, None, "not readable JSON"),
        (b'{"a": {"data_offsets": [0, 4000]}}', None, "shorter than its header says"),
        (b'{"a": {}}', None, "malformed"),
    ],
)
def test_hostile_headers(header: bytes, length: int | None, expected: str, model: Path) -> None:
    _weights(model, header, length)
    assert expected in _refusal(model)


def test_a_header_with_hundreds_of_thousands_of_tensors_is_refused(model: Path) -> None:
    row = '{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
    header = "{" + ",".join(f'"t{n}":{row}' for n in range(400_000)) + "}"
    _weights(model, header.encode())
    assert "more than 200000 tensors" in _refusal(model)


def test_a_tokenizer_that_makes_its_library_panic_or_fail(model: Path) -> None:
    data = json.loads((model / "tokenizer.json").read_text())
    data["pre_tokenizer"] = {
        "type": "Split", "pattern": {"Regex": "(((((x)"}, "behavior": "Isolated", "invert": False,
    }  # fmt: skip
    (model / "tokenizer.json").write_text(json.dumps(data))
    assert "tokenizer.json cannot be used" in _refusal(model)


def test_stalling_files_are_given_up(model: Path) -> None:
    assert "took too long" in _refusal(model, seconds=0.01)


def test_a_wish_for_the_end_is_heard(model: Path) -> None:
    with pytest.raises(LoadCancelled):
        probe(model, cancel=lambda: True)


@pytest.mark.parametrize(
    "name",
    [
        "model.safetensors",
        "config.json",
        "tokenizer.json",
        "vocab.json",
        "merges.txt",
        "added_tokens.json",
        "tokenizer_config.json",
        "generation_config.json",
    ],
)
def test_pipes_and_devices_are_refused_at_once(name: str, model: Path) -> None:
    (model / name).unlink(missing_ok=True)
    os.mkfifo(model / name)
    started = time.monotonic()
    assert f"{name} is not a regular file" in _refusal(model)
    assert time.monotonic() - started < 30
    (model / name).unlink()
    (model / name).symlink_to("/dev/zero")
    assert f"{name} is not a regular file" in _refusal(model)


BPE = {"vocab.json": '{"a": 0, "b": 1, "ab": 2}', "merges.txt": "a b\n", "added_tokens.json": "{}"}


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("vocab.json", "[" * 100_000, "vocab.json is not readable JSON"),
        ("vocab.json", '{"a": 0', "vocab.json is not readable JSON"),
        ("vocab.json", "[]", "vocab.json is not a JSON object"),
        ("vocab.json", '{"a": "0"}', "vocab.json gives 'a' an id"),
        ("vocab.json", '{"a": true}', "vocab.json gives 'a' an id"),
        ("vocab.json", '{"a": -1}', "vocab.json gives 'a' an id"),
        ("vocab.json", '{"a": 1000000}', "vocab.json gives 'a' an id that the model has no row"),
        ("vocab.json", '{"a": 1, "b": 1}', "vocab.json gives the same id to two tokens"),
        ("added_tokens.json", "[" * 100_000, "added_tokens.json is not readable JSON"),
        ("added_tokens.json", "7", "added_tokens.json is not a JSON object"),
        ("added_tokens.json", '{"a": [0]}', "added_tokens.json gives 'a' an id"),
        ("added_tokens.json", '{"a": 1000000}', "added_tokens.json gives 'a' an id"),
        ("added_tokens.json", '{"a": 1, "b": 1}', "added_tokens.json gives the same id"),
        ("merges.txt", "a b c\n", "line 1 of merges.txt"),
        ("merges.txt", "#version: 0.2\nab\n", "line 2 of merges.txt"),
        ("tokenizer_config.json", "[" * 100_000, "tokenizer_config.json is not readable JSON"),
        ("generation_config.json", "{", "generation_config.json is not readable JSON"),
    ],
)
def test_hostile_files_of_a_byte_level_bpe(
    name: str, content: str, expected: str, model: Path
) -> None:
    (model / "tokenizer.json").unlink()
    for file, sound in BPE.items():
        (model / file).write_text(sound)
    probe(model)
    (model / name).write_text(content)
    assert expected in _refusal(model)


@pytest.mark.parametrize("name", [*BPE, "tokenizer_config.json"])
def test_huge_files_of_a_byte_level_bpe(name: str, model: Path) -> None:
    (model / "tokenizer.json").unlink()
    for file, sound in BPE.items():
        (model / file).write_text(sound)
    with (model / name).open("ab") as stream:
        stream.truncate(2**30)  # a hole: nothing is written
    assert f"{name} is larger than 64 MiB" in _refusal(model)


def test_bytes_that_are_no_text_in_merges(model: Path) -> None:
    (model / "tokenizer.json").unlink()
    for file, sound in BPE.items():
        (model / file).write_text(sound)
    (model / "merges.txt").write_bytes(b"\xff\xfe a")
    assert "merges.txt is not readable text" in _refusal(model)


def test_weights_that_are_not_loaded_are_not_looked_at(model: Path) -> None:
    (model / "adapter_model.safetensors").write_bytes(b"\xff" * 100)
    probe(model)


def test_bloating_files_are_given_up(model: Path) -> None:
    """Nine megabytes of JSON that would become two hundred of lists."""
    (model / "tokenizer.json").write_text("[" + "[]," * 3_000_000 + "[]]")
    assert "too much memory" in _refusal(model, limit=100 * 2**20)
