"""Directories of base and adapter: folded in at loading, refused by name where they do not fit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from inference.engine import adapters, checkpoint
from inference.engine.canvas import Canvas
from inference.engine.decoding.loop import generate
from inference.engine.errors import CheckpointError
from inference.engine.model_files import open_files
from tests.inference.engine.causal.tiny import write_model
from tests.inference.engine.gguf.files import write_gguf

RANK, MASK = 3, 12


def write_adapter(directory: Path, parent: Path, seed: int = 1, **card: Any) -> Path:
    """A random adapter for a base that lies beside it."""
    directory.mkdir(exist_ok=True)
    files = open_files(parent)
    generator = torch.Generator().manual_seed(seed)
    stored: dict[str, torch.Tensor] = {}
    for key, (dtypes, shape) in adapters._expected(files.weights.headers(), RANK):
        if dtypes == ("I8",):
            value = torch.randn(shape, generator=generator) * 0.3
            stored[key], stored[f"{key}.scale"] = adapters.quantized(value)
        elif key == "mask":
            stored[key] = torch.randn(shape, generator=generator)
    save_file(stored, directory / adapters.FILE)
    config = {
        "model_type": "block_llama",
        "block_size": 4,
        "mask_token_id": MASK,
        "adapter": {
            "base": parent.name,
            "sha256": files.weights.content_hash(lambda: None),
            "rank": RANK,
            **card,
        },
    }
    (directory / "config.json").write_text(json.dumps(config))
    return directory


@pytest.fixture(params=["safetensors", "gguf"])
def base(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    directory = tmp_path / "parent"
    directory.mkdir()
    if request.param == "gguf":
        write_gguf(directory / "model.gguf")
        return directory
    return write_model(directory)


@pytest.fixture
def adapter(base: Path, tmp_path: Path) -> Path:
    return write_adapter(tmp_path / "twin", base)


def test_the_product_is_added_to_each_matrix(adapter: Path, base: Path) -> None:
    twin, parent = (checkpoint.load(path, dtype="float32") for path in (adapter, base))
    stored = load_file(adapter / adapters.FILE)
    product = {
        name: adapters.dequantized(stored, f"layers.1.{name}.up")
        @ adapters.dequantized(stored, f"layers.1.{name}.down")
        for name in adapters.GROUPS
    }
    mine, other = (model.model.model.layers[1] for model in (twin, parent))
    before = torch.cat([getattr(other.self_attn, f"{part}_proj").weight for part in "qkv"])
    after = torch.cat([getattr(mine.self_attn, f"{part}_proj").weight for part in "qkv"])
    assert torch.allclose(after, before + product["qkv"], atol=1e-6)
    assert not torch.allclose(after, before, atol=1e-3)
    assert torch.allclose(
        mine.mlp.down_proj.weight, other.mlp.down_proj.weight + product["back"], atol=1e-6
    )
    rows, others = twin.model.model.embed_tokens.weight, parent.model.model.embed_tokens.weight
    assert torch.equal(rows[MASK], stored["mask"])
    assert torch.equal(rows[MASK + 1 :], others[MASK + 1 :])


def test_it_is_a_model_of_its_own_that_denoises(adapter: Path, base: Path) -> None:
    twin, parent = checkpoint.load(adapter, dtype="float32"), checkpoint.load(base)
    assert (twin.spec.mask_id, twin.spec.attention, twin.spec.block_size) == (MASK, "block", 4)
    assert twin.spec.context == parent.spec.context
    assert twin.weights_hash != parent.weights_hash
    assert twin.tokenizer is not None
    assert twin.chat_template == parent.chat_template
    canvas = Canvas.start([1, 2, 3], 9, MASK)
    last = list(generate(twin, canvas, "llada2/threshold", {"temperature": 0.0}, seed=0))[-1]
    assert last.masked == 0


def test_equal_adapters_of_equal_bases_have_equal_hashes(
    adapter: Path, base: Path, tmp_path: Path
) -> None:
    again = write_adapter(tmp_path / "again", base)
    other = write_adapter(tmp_path / "other", base, seed=2)
    hashes = [checkpoint.load(path).weights_hash for path in (adapter, again, other)]
    assert hashes[0] == hashes[1] != hashes[2]


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
    "infinite mask": (lambda s: s["mask"].fill_(float("inf")), "mask"),
}


@pytest.mark.parametrize("what", BAD)
def test_adapters_that_do_not_fit_are_refused_by_key(what: str, adapter: Path) -> None:
    change, key = BAD[what]
    stored = load_file(adapter / adapters.FILE)
    change(stored)
    save_file({name: value.contiguous() for name, value in stored.items()}, adapter / adapters.FILE)
    with pytest.raises(CheckpointError) as caught:
        checkpoint.load(adapter)
    assert caught.value.field == key


@pytest.mark.parametrize(
    ("card", "field", "words"),
    [
        ({"base": "nobody/knows"}, "adapter.base", "Bring nobody/knows first"),
        ({"base": "../parent"}, "adapter.base", "names no model"),
        ({"base": None}, "adapter.base", "names no model"),
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


def test_int8_keeps_a_hundredth_of_the_largest_of_a_row() -> None:
    value = torch.randn(40, 60, generator=torch.Generator().manual_seed(0))
    value[3] = 0
    whole, scale = adapters.quantized(value)
    error = (whole.float() * scale.float() - value).abs().amax(1)
    assert bool((error <= 0.005 * value.abs().amax(1)).all())
    assert whole.dtype == torch.int8
