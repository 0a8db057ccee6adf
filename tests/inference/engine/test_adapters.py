"""Directories of base and adapter: folded in at loading, refused by name where they do not fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from inference.engine import adapters, checkpoint
from inference.engine.canvas import Canvas
from inference.engine.decoding.loop import generate
from inference.engine.input_tables import set_mask_vector, share_table
from inference.engine.open_model import open_files
from tests.inference.engine.causal.tiny import write_model
from tests.inference.engine.gguf.files import write_gguf

RANK, MASK = 3, 12
TIED: dict[str, Any] = {
    "model_type": "llama",
    "vocab_size": 20,
    "hidden_size": 8,
    "intermediate_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 16,
    "tie_word_embeddings": True,
}


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


def test_the_mask_has_a_vector_beside_the_table_that_both_share(adapter: Path, base: Path) -> None:
    parent, twin = (checkpoint.load(path, dtype="float32") for path in (base, adapter))
    table = parent.model.model.embed_tokens.weight
    ids = torch.arange(len(table))[None]
    rows = twin.model.model.embed_tokens(ids)[0]
    assert torch.equal(rows[MASK], load_file(adapter / adapters.FILE)["mask"])
    assert torch.equal(rows[ids[0] != MASK], table[ids[0] != MASK])
    assert twin.model.model.embed_tokens.weight.data_ptr() == table.data_ptr()


def test_an_output_head_stays_tied_to_the_shared_table() -> None:
    models: list[Any] = [checkpoint.build(TIED) for _ in range(2)]
    for model in models:
        share_table(model, "the same")
    set_mask_vector(models[1], 3, torch.ones(8))
    own = models[1].model.embed_tokens.weight
    assert own is models[1].lm_head.weight
    assert own.data_ptr() == models[0].lm_head.weight.data_ptr()
    assert len(list(models[1].parameters())) == len(list(models[0].parameters()))


def test_a_table_that_was_written_to_or_is_of_another_precision_is_not_shared(
    adapter: Path, base: Path
) -> None:
    parent = checkpoint.load(base, dtype="float32")
    table = parent.model.model.embed_tokens.weight
    rough = checkpoint.load(adapter, dtype="bfloat16").model.model.embed_tokens.weight
    assert rough.data_ptr() != table.data_ptr()
    table[3] = 7.0
    again = checkpoint.load(adapter, dtype="float32").model.model.embed_tokens.weight
    assert again.data_ptr() != table.data_ptr()
    assert not torch.equal(again[3], table[3])


def test_a_base_that_has_gone_takes_no_memory_with_it(adapter: Path, base: Path) -> None:
    shape = checkpoint.load(base, dtype="float32").model.model.embed_tokens.weight.shape
    twin = checkpoint.load(adapter, dtype="float32")
    assert twin.model.model.embed_tokens.weight.shape == shape
    own = twin.model.model.embed_tokens.weight.data_ptr()
    parent = checkpoint.load(base, dtype="float32")
    assert parent.model.model.embed_tokens.weight.data_ptr() == own


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


def test_int8_keeps_a_hundredth_of_the_largest_of_a_row() -> None:
    value = torch.randn(40, 60, generator=torch.Generator().manual_seed(0))
    value[3] = 0
    whole, scale = adapters.quantized(value)
    error = (whole.float() * scale.float() - value).abs().amax(1)
    assert bool((error <= 0.005 * value.abs().amax(1)).all())
    assert whole.dtype == torch.int8
