"""Hostile and broken adapters: refused by name or key before anything is built."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from inference.engine import adapters, checkpoint, shards
from inference.engine.errors import CheckpointError
from tests.inference.engine.causal.tiny import write_model
from tests.inference.engine.test_adapters import adapter, base, write_adapter

__all__ = ["adapter", "base"]
Change = Callable[[dict[str, torch.Tensor]], object]
BAD: dict[str, tuple[Change, str]] = {
    "missing": (lambda s: s.pop("layers.0.qkv.up"), "layers.0.qkv.up"),
    "unknown": (lambda s: s.update(x=torch.ones(1)), "x"),
    "another shape": (
        lambda s: s.update({"layers.0.out.up": s["layers.0.out.up"][1:]}),
        "layers.0.out.up",
    ),
    "another rank": (
        lambda s: s.update({"layers.0.out.down": s["layers.0.out.down"][1:]}),
        "layers.0.out.down",
    ),
    "not int8": (
        lambda s: s.update({"layers.0.out.up": s["layers.0.out.up"].float()}),
        "layers.0.out.up",
    ),
    "NaN in a scale": (
        lambda s: s["layers.1.back.up.scale"].fill_(float("nan")),
        "layers.1.back.up.scale",
    ),
    "a scale of 0": (lambda s: s["layers.1.out.up.scale"].zero_(), "layers.1.out.up.scale"),
    "negative scales": (lambda s: s["layers.0.qkv.down.scale"].neg_(), "layers.0.qkv.down.scale"),
    "scales without measure": (
        lambda s: s.update(
            {"layers.0.out.up.scale": torch.full_like(s["layers.0.out.up.scale"].float(), 3e38)}
        ),
        "layers.0.out.up.scale",
    ),
    "transposed": (
        lambda s: s.update({"layers.0.out.down": s["layers.0.out.down"].t()}),
        "layers.0.out.down",
    ),
    "a scale missing": (lambda s: s.pop("layers.0.qkv.up.scale"), "layers.0.qkv.up.scale"),
    "float64 scales": (
        lambda s: s.update({"layers.0.out.up.scale": s["layers.0.out.up.scale"].double()}),
        "layers.0.out.up.scale",
    ),
    "a mask of another width": (lambda s: s.update(mask=s["mask"][1:]), "mask"),
    "a layer too many": (
        lambda s: s.update({"layers.99.qkv.up": s["layers.0.qkv.up"].clone()}),
        "layers.99.qkv.up",
    ),
    "infinite mask": (lambda s: s["mask"].fill_(float("inf")), "mask"),
}


@pytest.fixture
def nothing_built(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails a test in which a model is laid out, let alone allocated."""

    def never(*args: object) -> object:
        raise AssertionError("a model was laid out")

    monkeypatch.setattr(checkpoint, "plan", never)


@pytest.mark.parametrize("what", BAD)
@pytest.mark.usefixtures("nothing_built")
def test_adapters_that_do_not_fit_are_refused_by_key(what: str, adapter: Path) -> None:
    change, key = BAD[what]
    stored = load_file(adapter / adapters.FILE)
    change(stored)
    save_file({name: value.contiguous() for name, value in stored.items()}, adapter / adapters.FILE)
    with pytest.raises(CheckpointError) as caught:
        checkpoint.load(adapter)
    assert caught.value.field == key


def replaced(file: Path, data: bytes) -> None:
    file.unlink()
    file.write_bytes(data)


def piped(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def header(claimed: int, text: bytes = b"{}") -> bytes:
    """A safetensors file that says how long its header is."""
    return claimed.to_bytes(8, "little") + text


BROKEN: dict[str, Callable[[Path], object]] = {
    "missing": lambda file: file.unlink(),
    "a pipe": piped,
    "empty": lambda file: replaced(file, b""),
    "cut in the header": lambda file: replaced(file, file.read_bytes()[:100]),
    "cut in the numbers": lambda file: replaced(file, file.read_bytes()[:-1]),
    "more than it says": lambda file: replaced(file, file.read_bytes() + bytes(64)),
    "a header of 2^63 bytes": lambda file: replaced(file, header(2**63)),
    "a header of a gigabyte": lambda file: replaced(file, header(2**30)),
    "a header that is no JSON": lambda file: replaced(file, header(4, b"\xff{}!")),
    "a tensor of 2^62 rows": lambda file: replaced(
        file,
        header(
            73, b'{"mask":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,4]}}  '
        ),
    ),
    "a pickle": lambda file: replaced(file, pickle.dumps([1, 2, 3])),
}


@pytest.mark.parametrize("what", BROKEN)
@pytest.mark.usefixtures("nothing_built")
def test_files_that_are_no_adapter_are_refused_by_name(what: str, adapter: Path) -> None:
    BROKEN[what](adapter / adapters.FILE)
    with pytest.raises(CheckpointError, match=r"adapter\.safetensors") as caught:
        checkpoint.load(adapter)
    assert caught.value.field == adapters.FILE


@pytest.mark.usefixtures("nothing_built")
@pytest.mark.parametrize(
    ("card", "field", "words"),
    [
        ({"base": "nobody/knows"}, "adapter.base", "Bring nobody/knows first"),
        ({"base": "../parent"}, "adapter.base", "names no model"),
        ({"base": None}, "adapter.base", "names no model"),
        ({"base": "x" * 5000}, "adapter.base", "names no model"),
        ({"sha256": "0" * 64}, "adapter.sha256", "other weights"),
        ({"sha256": "x"}, "adapter.sha256", "no checksum"),
        ({"rank": 0}, "adapter.rank", "1 to"),
        ({"rank": 4}, "layers.0.qkv.down", "expected"),
    ],
)
def test_another_base_is_refused_by_name(
    card: dict[str, Any], field: str, words: str, base: Path, tmp_path: Path
) -> None:
    path = write_adapter(tmp_path / "twin", base, **card)
    with pytest.raises(CheckpointError, match=words) as caught:
        checkpoint.load(path)
    assert caught.value.field == field


@pytest.mark.usefixtures("nothing_built")
def test_what_does_not_fit_is_refused_before_the_base_is_read(
    adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its checksum is of gigabytes."""
    stored = load_file(adapter / adapters.FILE)
    stored.pop("mask")
    save_file(stored, adapter / adapters.FILE)

    def never(*args: object) -> str:
        raise AssertionError("the base was read")

    monkeypatch.setattr(shards, "content_hash", never)
    with pytest.raises(CheckpointError, match="lacks mask"):
        checkpoint.load(adapter)


@pytest.mark.usefixtures("nothing_built")
@pytest.mark.parametrize(
    "key", ["model.embed_tokens.weight", "model.layers.1.mlp.down_proj.weight"]
)
def test_a_base_whose_matrices_are_none_is_refused_by_key(key: str, tmp_path: Path) -> None:
    base = tmp_path / "parent"
    base.mkdir()
    path = write_adapter(tmp_path / "twin", write_model(base))
    state = load_file(base / "model.safetensors")
    save_file({**state, key: torch.zeros(3)}, base / "model.safetensors")
    with pytest.raises(CheckpointError) as caught:
        checkpoint.load(path)
    assert caught.value.field == key


def test_an_adapter_of_an_adapter_of_itself_is_refused(adapter: Path, tmp_path: Path) -> None:
    config = json.loads((adapter / "config.json").read_text())
    config["adapter"]["base"] = adapter.name
    (adapter / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="Bring twin first"):
        checkpoint.load(adapter)


def test_two_adapters_of_each_other_are_refused(adapter: Path, base: Path, tmp_path: Path) -> None:
    other = write_adapter(tmp_path / "other", base)
    for one, two in ((adapter, other), (other, adapter)):
        config = json.loads((one / "config.json").read_text())
        config["adapter"]["base"] = two.name
        (one / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="adapter of an adapter"):
        checkpoint.load(adapter)
