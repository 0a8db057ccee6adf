"""Scaled rotary embeddings: honoured in every family under either key, or refused by that key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from inference.engine import checkpoint
from inference.engine.errors import CheckpointError
from inference.engine.forward import Request, forward_many, logits
from tests.inference.engine.models import CONFIGS, write_config, write_model

LAYERED = {"modernbert": ("full_attention", "sliding_attention")}
NAMES = [name for name in CONFIGS if name != "diffusion_gemma"]
SCALED: dict[str, dict[str, Any]] = {
    "linear": {"rope_type": "linear", "factor": 4.0},
    "llama3": {
        "rope_type": "llama3",
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64,
    },
    "yarn": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32},
}


def _stated(name: str, parameters: dict[str, Any]) -> dict[str, Any]:
    layers = LAYERED.get(name)
    return dict.fromkeys(layers, parameters) if layers else parameters


@pytest.mark.parametrize("kind", list(SCALED))
@pytest.mark.parametrize("name", NAMES)
def test_what_transformers_writes_changes_the_frequencies(
    name: str, kind: str, tmp_path: Path
) -> None:
    plain = logits(checkpoint.load(write_model(tmp_path, name)), list(range(20)))
    parameters = {**SCALED[kind], "rope_theta": 10000.0}
    write_config(tmp_path, rope_theta=None, rope_parameters=_stated(name, parameters))
    model = checkpoint.load(tmp_path)
    scaled = logits(model, list(range(20)))
    assert not torch.allclose(scaled, plain, atol=1e-3)
    inner = model.model.model
    native = inner.config.rope_parameters
    native = native["full_attention"] if name in LAYERED else native
    assert native["rope_type"] == kind
    assert native["factor"] == SCALED[kind]["factor"]


@pytest.mark.parametrize("kind", list(SCALED))
@pytest.mark.parametrize("name", [name for name in NAMES if name not in LAYERED])
def test_the_older_key_says_the_same(name: str, kind: str, tmp_path: Path) -> None:
    write_model(tmp_path, name)
    write_config(tmp_path, rope_theta=None, rope_parameters={**SCALED[kind], "rope_theta": 500.0})
    new = logits(checkpoint.load(tmp_path), list(range(20)))
    old = {{"rope_type": "type"}.get(key, key): value for key, value in SCALED[kind].items()}
    write_config(tmp_path, rope_theta=500.0, rope_parameters=None, rope_scaling=old)
    assert torch.equal(logits(checkpoint.load(tmp_path), list(range(20))), new)


def test_linear_scaling_is_that_of_the_formula(tmp_path: Path) -> None:
    """Positions divided by the factor, computed with plain frequencies at those positions."""
    write_model(tmp_path, "llada")
    plain = checkpoint.load(tmp_path)
    write_config(tmp_path, rope_scaling={"type": "linear", "factor": 2.0})
    scaled = checkpoint.load(tmp_path)
    ids = torch.arange(6)
    spread = forward_many(scaled, [Request(ids, positions=2 * ids)])[0]
    assert torch.allclose(spread, logits(plain, ids), atol=1e-4)


PLAIN: list[dict[str, Any]] = [
    {},
    {"rope_type": "default"},
    {"type": "default", "rope_theta": 10000.0},
]
# Where each kind of layer has a base of its own, one for all would change it.
PLAINLY = [(n, p) for n in NAMES for p in PLAIN if not (n in LAYERED and p)]


@pytest.mark.parametrize("key", ["rope_scaling", "rope_parameters"])
@pytest.mark.parametrize(("name", "parameters"), PLAINLY)
def test_plain_under_any_name_loads(
    name: str, parameters: dict[str, Any], key: str, tmp_path: Path
) -> None:
    plain = logits(checkpoint.load(write_model(tmp_path, name)), list(range(12)))
    write_config(tmp_path, **{key: parameters})
    assert torch.equal(logits(checkpoint.load(tmp_path), list(range(12))), plain)


def test_the_length_before_scaling_may_stand_beside_the_parameters(tmp_path: Path) -> None:
    write_model(tmp_path, "a2d-qwen3")
    write_config(tmp_path, rope_parameters=SCALED["yarn"])
    inside = logits(checkpoint.load(tmp_path), list(range(20)))
    outside = {k: v for k, v in SCALED["yarn"].items() if not k.startswith("original")}
    write_config(tmp_path, rope_parameters=outside, original_max_position_embeddings=32)
    assert torch.equal(logits(checkpoint.load(tmp_path), list(range(20))), inside)
    write_config(tmp_path, original_max_position_embeddings=None)
    assert not torch.equal(logits(checkpoint.load(tmp_path), list(range(20))), inside)


def test_the_base_inside_the_parameters_counts(tmp_path: Path) -> None:
    write_model(tmp_path, "dream")
    write_config(tmp_path, rope_theta=777.0)
    outside = logits(checkpoint.load(tmp_path), list(range(12)))
    inside = {"rope_type": "default", "rope_theta": 777.0}
    write_config(tmp_path, rope_theta=None, rope_parameters=inside)
    assert torch.equal(logits(checkpoint.load(tmp_path), list(range(12))), outside)


def test_llada2_turns_the_share_that_its_config_says(tmp_path: Path) -> None:
    write_model(tmp_path, "llada2")
    shares = {}
    for factor in (None, 0.5, 1.0):
        write_config(tmp_path, partial_rotary_factor=factor)
        shares[factor] = logits(checkpoint.load(tmp_path), list(range(12)))
    assert torch.equal(shares[None], shares[0.5])
    assert not torch.allclose(shares[1.0], shares[0.5], atol=1e-3)
    inside = {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 1.0}
    write_config(tmp_path, partial_rotary_factor=None, rope_parameters=inside)
    assert torch.equal(logits(checkpoint.load(tmp_path), list(range(12))), shares[1.0])


@pytest.mark.parametrize("name", list(CONFIGS))
@pytest.mark.parametrize("key", ["rope_scaling", "rope_parameters"])
@pytest.mark.parametrize(
    "parameters",
    [
        {"rope_type": "dynamic", "factor": 2.0},
        {"rope_type": "longrope", "factor": 2.0},
        {"rope_type": 5},
        {"rope_type": "yarn"},
        {"rope_type": "linear", "factor": 2.0, "surprise": 1},
        "yarn",
        [],
    ],
)
def test_what_would_be_dropped_is_refused_by_key(
    name: str, key: str, parameters: Any, tmp_path: Path
) -> None:
    if parameters == []:
        parameters = ["yarn"]
    write_model(tmp_path, name)
    if name == "diffusion_gemma":
        inner = {**CONFIGS[name]["text_config"], key: parameters}
        write_config(tmp_path, text_config=inner)
    else:
        write_config(tmp_path, **{key: parameters})
    with pytest.raises(CheckpointError) as caught:
        checkpoint.load(tmp_path)
    assert caught.value.field == key


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"rope_parameters": {"rope_type": "linear", "factor": "2"}}, "factor"),
        ({"rope_parameters": {"rope_type": "linear", "factor": -2}}, "factor"),
        ({"rope_parameters": {"rope_type": "linear", "factor": float("nan")}}, "factor"),
        ({"rope_parameters": {"rope_type": "linear", "factor": True}}, "factor"),
        ({"rope_parameters": {**SCALED["yarn"], "truncate": "no"}}, "truncate"),
        (
            {"rope_parameters": {**SCALED["yarn"], "original_max_position_embeddings": 1.5}},
            "original_max_position_embeddings",
        ),
        ({"partial_rotary_factor": 0.5}, "partial_rotary_factor"),
        ({"rope_parameters": {"partial_rotary_factor": 0.5}}, "partial_rotary_factor"),
    ],
)
def test_senseless_values_are_named(changes: dict[str, Any], field: str, tmp_path: Path) -> None:
    write_model(tmp_path, "a2d-qwen3")
    write_config(tmp_path, **changes)
    with pytest.raises(CheckpointError) as caught:
        checkpoint.load(tmp_path)
    assert caught.value.field == field


@pytest.mark.parametrize("name", ["modernbert", "diffusion_gemma"])
def test_one_scaling_for_all_is_refused_where_each_kind_of_layer_has_its_own(
    name: str, tmp_path: Path
) -> None:
    write_model(tmp_path, name)
    changes: dict[str, Any] = {"rope_parameters": SCALED["linear"]}
    if name == "diffusion_gemma":
        changes = {"text_config": {**CONFIGS[name]["text_config"], **changes}}
    write_config(tmp_path, **changes)
    with pytest.raises(CheckpointError) as caught:
        checkpoint.load(tmp_path)
    assert caught.value.field == "rope_parameters"


def test_layers_of_modernbert_are_scaled_under_either_key(tmp_path: Path) -> None:
    """Under the older one the native class saw nothing."""
    write_model(tmp_path, "modernbert")
    ids = torch.arange(40)
    stated = _stated("modernbert", {**SCALED["linear"], "rope_theta": 10000.0})
    plain = _stated("modernbert", {"rope_type": "default", "rope_theta": 10000.0})
    found = []
    for both in ((stated, None), (None, stated), (None, plain)):
        write_config(tmp_path, rope_parameters=both[0], rope_scaling=both[1])
        found.append(forward_many(checkpoint.load(tmp_path), [Request(ids, ids)])[0])
    assert torch.equal(found[0], found[1])
    assert not torch.allclose(found[1], found[2])
    write_config(tmp_path, partial_rotary_factor=0.5)
    with pytest.raises(CheckpointError) as refused:
        checkpoint.load(tmp_path)
    assert refused.value.field == "partial_rotary_factor"
