"""The first look at foreign files: hostile ones end the child, never the worker."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

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


def test_bloating_files_are_given_up(model: Path) -> None:
    """Nine megabytes of JSON that would become two hundred of lists."""
    (model / "tokenizer.json").write_text("[" + "[]," * 3_000_000 + "[]]")
    assert "too much memory" in _refusal(model, limit=100 * 2**20)
