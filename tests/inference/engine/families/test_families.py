"""Every family: keys in both directions, what sees what, shift, padding, precision."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from inference import catalog
from inference.engine import checkpoint, shards
from inference.engine.checkpoint import LoadedModel
from inference.engine.errors import InputError
from inference.engine.families import family_named, family_of
from inference.engine.forward import Request, forward_many, logits, structure
from tests.inference.engine.models import CONFIGS, load_tiny, write_model

Tiny = Callable[[str], LoadedModel]
NAMES = [name for name in CONFIGS if name != "diffusion_gemma"]  # has no plain forward


def _ids(length: int, seed: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 300, (length,), generator=generator)


def _moved(model: LoadedModel, position: int) -> list[bool]:
    """Which rows change when the token at a position does."""
    before = _ids(12)
    after = before.clone()
    after[position] = (after[position] + 7) % 300
    change = (logits(model, before) - logits(model, after)).abs().amax(-1)
    return (change > 1e-3).tolist()


def test_every_family_of_the_catalog_is_tried() -> None:
    assert {family_of(config).name for config in CONFIGS.values()} == set(catalog.FAMILIES)


@pytest.mark.parametrize("name", list(catalog.FAMILIES))
def test_a_family_goes_by_its_name_in_the_catalog(name: str) -> None:
    assert family_named(name).name == name


@pytest.mark.parametrize("name", list(CONFIGS))
def test_saving_what_was_loaded_gives_the_same_file(name: str, tmp_path: Path) -> None:
    model = load_tiny(tmp_path, name)
    written = dict(
        shards.tensors(shards.find_shards(tmp_path), shards.headers_of([*_files(tmp_path)]))
    )
    exported = checkpoint.export_state(model.model, model.config)
    assert set(exported) == set(written)
    assert all(torch.equal(exported[key], written[key]) for key in written)


def _files(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.safetensors"))


@pytest.mark.parametrize("name", NAMES)
def test_what_a_changed_token_moves(name: str, tiny: Tiny) -> None:
    """The last token moves every row that may see it, and no other."""
    model = tiny(name)
    seen = structure(model, 12)[:, 11].tolist()
    if model.spec.predict == "shifted":
        seen = [seen[0], *seen[:-1]]
    assert _moved(model, 11) == seen


@pytest.mark.parametrize(
    "name", ["llada", "dream", "llada_moe", "a2d-qwen3", "a2d-llama", "modernbert"]
)
def test_bidirectional_families_see_the_last_token_from_the_first_place(
    name: str, tiny: Tiny
) -> None:
    assert tiny(name).spec.attention == "full"
    assert _moved(tiny(name), 11)[0]


@pytest.mark.parametrize("name", ["llada", "dream", "dreamon", "llada_moe", "a2d-qwen3"])
def test_layers_walked_one_by_one_give_what_the_native_body_gives(name: str, tiny: Tiny) -> None:
    model, ids = tiny(name), torch.stack([_ids(11), _ids(11, 2)])
    with torch.inference_mode():
        native = model.model.model(input_ids=ids, use_cache=False).last_hidden_state
        walked = model.family.body(model.model, ids)
    assert torch.equal(walked, native)


def test_an_id_outside_the_vocabulary_is_named(tiny: Tiny) -> None:
    model = tiny("llada")
    for ids in ([1, model.spec.vocab_size], [-1, 2]):
        with pytest.raises(InputError, match="Token ids must be 0 to") as caught:
            forward_many(model, [Request(torch.tensor(ids))])
        assert caught.value.field == "token_ids"


@pytest.mark.parametrize(("name", "first"), [("llada2", 8), ("sdar", 8)])
def test_block_causal_families_see_only_up_to_their_block(
    name: str, first: int, tiny: Tiny
) -> None:
    assert _moved(tiny(name), 11) == [row >= first for row in range(12)]


@pytest.mark.parametrize("name", ["dream", "dreamon", "fast-dllm-v2", "block_llama"])
def test_shifted_rows_come_from_the_place_before(name: str, tiny: Tiny) -> None:
    model = tiny(name)
    ids = _ids(9)
    raw = model.model(input_ids=ids[None], attention_mask=_mask(model, 9)).logits[0]
    assert torch.allclose(logits(model, ids)[1:], raw[:-1], atol=1e-5)


def _mask(model: LoadedModel, length: int) -> torch.Tensor | None:
    if model.spec.attention == "full":
        return None
    return structure(model, length)[None, None]


@pytest.mark.parametrize("name", NAMES)
def test_wanted_rows_equal_those_of_the_whole(name: str, tiny: Tiny) -> None:
    model, ids = tiny(name), _ids(10)
    whole = logits(model, ids)
    assert torch.allclose(logits(model, ids, rows=[0, 4, 9]), whole[[0, 4, 9]], atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_rows_do_not_depend_on_batch_mates(name: str, tiny: Tiny) -> None:
    model = tiny(name)
    requests = [Request(_ids(n, seed=n)) for n in (5, 12, 9)]
    together = forward_many(model, requests)
    for request, rows in zip(requests, together, strict=True):
        assert torch.allclose(rows, logits(model, request.ids), atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_bfloat16_stays_close_to_float32(name: str, tmp_path: Path, tiny: Tiny) -> None:
    half = checkpoint.load(write_model(tmp_path, name), dtype="bfloat16")
    assert half.dtype == torch.bfloat16
    assert next(half.model.parameters()).dtype == torch.bfloat16
    near, exact = logits(half, _ids(8)), logits(tiny(name), _ids(8))
    assert near.dtype == torch.float32
    # the median, because a near tie between experts may send a single token elsewhere
    assert float((near - exact).abs().median()) < 0.1 * float(exact.abs().mean())


def test_a_tied_head_is_one_tensor(tiny: Tiny) -> None:
    model = tiny("llada-tied").model
    assert model.lm_head.weight is model.model.embed_tokens.weight


def test_a_router_bias_keeps_its_precision(tmp_path: Path) -> None:
    half = checkpoint.load(write_model(tmp_path, "llada2"), dtype="bfloat16")
    gate = half.model.model.layers[1].mlp.gate
    assert gate.e_score_correction_bias.dtype == torch.float32


def test_special_ids_of_dreamon(tiny: Tiny) -> None:
    spec = tiny("dreamon").spec
    assert (spec.expand_id, spec.delete_id, spec.length) == (311, spec.eos_id, "edits")
    assert tiny("dream").spec.expand_id is None
