"""Loading: shards, wrong files, hostile files, progress, cancel, no foreign code."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from inference.engine import checkpoint, placement
from inference.engine.errors import CheckpointError, LoadCancelled
from inference.engine.forward import logits
from tests.inference.engine.models import CONFIGS, write_config, write_model


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return write_model(tmp_path, "llada")


def _weights(directory: Path) -> dict[str, torch.Tensor]:
    return dict(load_file(directory / "model.safetensors"))


def _refused(directory: Path, field: str) -> str:
    """Loading fails, naming that field; the message."""
    with pytest.raises(CheckpointError) as caught:
        checkpoint.load(directory)
    assert caught.value.field == field
    assert str(directory) not in caught.value.message
    return caught.value.message


def _split(directory: Path) -> None:
    """The one file as two shards with an index."""
    weights = _weights(directory)
    (directory / "model.safetensors").unlink()
    names = sorted(weights)
    index: dict[str, Any] = {"weight_map": {}}
    for number, part in enumerate((names[::2], names[1::2]), 1):
        file = f"model-0000{number}-of-00002.safetensors"
        save_file({name: weights[name] for name in part}, directory / file)
        index["weight_map"].update(dict.fromkeys(part, file))
    (directory / "model.safetensors.index.json").write_text(json.dumps(index))


def test_shards_load_like_one_file(directory: Path) -> None:
    ids = list(range(10))
    whole = logits(checkpoint.load(directory), ids)
    _split(directory)
    assert torch.equal(logits(checkpoint.load(directory), ids), whole)


def test_hashes_name_the_content(directory: Path) -> None:
    import hashlib

    first = checkpoint.load(directory)
    raw = (directory / "model.safetensors").read_bytes()
    assert first.weights_hash == hashlib.sha256(raw).hexdigest()
    write_config(directory, rope_theta=20000.0)
    second = checkpoint.load(directory)
    assert second.weights_hash == first.weights_hash
    assert second.key != first.key


def test_the_same_weights_in_another_precision_have_another_key(directory: Path) -> None:
    first, second = (checkpoint.load(directory, dtype=name) for name in ("float32", "bfloat16"))
    assert second.weights_hash == first.weights_hash
    assert second.key != first.key


def test_counts_parameters_once_when_tied(tmp_path: Path) -> None:
    free = checkpoint.load(write_model(tmp_path / "a", "llada")).parameters
    tied = checkpoint.load(write_model(tmp_path / "b", "llada-tied")).parameters
    assert free - tied == CONFIGS["llada"]["vocab_size"] * CONFIGS["llada"]["d_model"]


def test_foreign_code_is_neither_run_nor_asked_about(directory: Path) -> None:
    (directory / "modeling_llada.py").write_text("raise SystemExit('this must never run')")
    assert "auto_map" in json.loads((directory / "config.json").read_text())
    assert checkpoint.load(directory).spec.family == "llada"


def test_progress_rises_to_one(directory: Path) -> None:
    seen: list[float] = []
    checkpoint.load(directory, progress=seen.append)
    assert seen == sorted(seen)
    assert 0.9 < seen[-1] <= 1.0


def test_cancel_is_noticed_between_tensors(directory: Path) -> None:
    answers = iter([False] * 5 + [True] * 100)
    with pytest.raises(LoadCancelled):
        checkpoint.load(directory, cancel=lambda: next(answers))


def test_a_missing_key_is_named(directory: Path) -> None:
    weights = _weights(directory)
    del weights["model.transformer.blocks.1.up_proj.weight"]
    save_file(weights, directory / "model.safetensors")
    assert "lacks" in _refused(directory, "model.transformer.blocks.1.up_proj.weight")


def test_an_unknown_key_is_named(directory: Path) -> None:
    weights = _weights(directory) | {"model.transformer.extra": torch.ones(2)}
    save_file(weights, directory / "model.safetensors")
    assert "unknown keys" in _refused(directory, "model.transformer.extra")


def test_old_rotary_buffers_are_ignored(directory: Path) -> None:
    weights = _weights(directory) | {"model.rotary_emb.inv_freq": torch.ones(4)}
    save_file(weights, directory / "model.safetensors")
    checkpoint.load(directory)


def test_a_wrong_shape_is_named(directory: Path) -> None:
    weights = _weights(directory) | {"model.transformer.ln_f.weight": torch.ones(31)}
    save_file(weights, directory / "model.safetensors")
    message = _refused(directory, "model.transformer.ln_f.weight")
    assert "[31], expected [32]" in message


def test_weights_that_are_not_numbers_are_refused(directory: Path) -> None:
    weights = _weights(directory)
    weights["model.transformer.ln_f.weight"][3] = torch.nan
    save_file(weights, directory / "model.safetensors")
    assert "not finite" in _refused(directory, "model.transformer.ln_f.weight")


@pytest.mark.parametrize(
    "dtype", [torch.float8_e4m3fn, torch.int8, torch.bool, torch.complex64, torch.int64]
)
def test_weights_in_a_format_of_their_own_are_refused(directory: Path, dtype: torch.dtype) -> None:
    key = "model.transformer.ln_f.weight"
    save_file(
        {**_weights(directory), key: _weights(directory)[key].to(dtype)},
        directory / "model.safetensors",
    )
    assert "is stored as" in _refused(directory, key)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_weights_of_any_usual_precision_are_read(directory: Path, dtype: torch.dtype) -> None:
    weights = {key: value.to(dtype) for key, value in _weights(directory).items()}
    save_file(weights, directory / "model.safetensors")
    assert checkpoint.load(directory).dtype == torch.float32


@pytest.mark.parametrize(
    ("name", "changes", "field"),
    [
        ("llada", {"n_layers": 10_000}, "n_layers"),
        ("dream", {"num_hidden_layers": 10**9}, "num_hidden_layers"),
        ("llada2", {"num_experts": 10_000}, "num_experts"),
        ("llada_moe", {"num_experts": 10**9}, "num_experts"),
        ("diffusion_gemma", {"text_config": {"num_hidden_layers": 10**9}}, "num_hidden_layers"),
    ],
)
def test_sizes_that_the_files_cannot_hold_are_refused_before_anything_is_built(
    tmp_path: Path,
    name: str,
    changes: dict[str, Any],
    field: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_model(tmp_path, name)
    config = CONFIGS[name]
    whole = {k: {**config[k], **v} if isinstance(v, dict) else v for k, v in changes.items()}
    write_config(tmp_path, **whole)
    monkeypatch.setattr(checkpoint, "construct", lambda *_: pytest.fail("it was built"))
    _refused(tmp_path, field)


def test_a_cancel_is_heard_before_anything_is_built(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "construct", lambda *_: pytest.fail("it was built"))
    with pytest.raises(LoadCancelled):
        checkpoint.load(directory, cancel=lambda: True)


def test_a_truncated_file_is_refused(directory: Path) -> None:
    file = directory / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    assert "not a valid safetensors file" in _refused(directory, "model.safetensors")


def test_a_header_that_claims_too_much_is_refused(directory: Path) -> None:
    (directory / "model.safetensors").write_bytes(struct.pack("<Q", 1 << 60) + b"{}")
    _refused(directory, "model.safetensors")


def test_an_index_may_not_point_elsewhere(directory: Path) -> None:
    _split(directory)
    index = directory / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "../../secret.safetensors"}}))
    _refused(directory, "model.safetensors.index.json")


def test_a_missing_shard_is_named(directory: Path) -> None:
    _split(directory)
    (directory / "model-00002-of-00002.safetensors").unlink()
    _refused(directory, "model-00002-of-00002.safetensors")


def test_pickles_are_refused(directory: Path) -> None:
    (directory / "model.safetensors").rename(directory / "pytorch_model.bin")
    assert "Pickle" in _refused(directory, "safetensors")


def test_no_such_directory(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError) as caught:
        checkpoint.load(tmp_path / "nothing")
    assert caught.value.field == "model_path"


@pytest.mark.parametrize("text", ["", "[]", "{", "\x00"])
def test_a_config_that_is_no_object(directory: Path, text: str) -> None:
    (directory / "config.json").write_text(text)
    _refused(directory, "config.json")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"model_type": "mamba", "architectures": ["Mamba"]}, "model_type"),
        ({"mask_token_id": 320}, "mask_token_id"),
        ({"mask_token_id": None}, "mask_token_id"),
        ({"eos_token_id": -1}, "eos_token_id"),
        ({"alibi": True}, "alibi"),
        ({"n_heads": None}, "n_heads"),
        ({"torch_dtype": "int4"}, "dtype"),
        ({"torch_dtype": ["float32"]}, "dtype"),
        ({"torch_dtype": {}}, "dtype"),
        ({"dtype": []}, "dtype"),
        ({"architectures": 5}, "architectures"),
        ({"architectures": "LLaDAModelLM"}, "architectures"),
        ({"architectures": [["LLaDAModelLM"]]}, "architectures"),
        ({"rope_theta": float("nan")}, "rope_theta"),
        ({"rope_theta": float("inf")}, "rope_theta"),
        ({"rope_theta": 0}, "rope_theta"),
        ({"rope_theta": True}, "rope_theta"),
        ({"rope_parameters": {"rope_theta": -1.0}}, "rope_theta"),
        ({"partial_rotary_factor": 1e9}, "partial_rotary_factor"),
        ({"max_sequence_length": 0}, "max_sequence_length"),
        ({"max_sequence_length": -5}, "max_sequence_length"),
        ({"max_sequence_length": 12.5}, "max_sequence_length"),
    ],
)
def test_a_config_that_cannot_be_served_names_the_key(
    directory: Path, changes: dict[str, Any], field: str
) -> None:
    write_config(directory, **changes)
    _refused(directory, field)


@pytest.mark.parametrize(
    "changes",
    [
        {"d_model": "wide"},
        {"d_model": -8},
        {"d_model": 33},
        {"n_layers": 1.5},
        {"n_heads": 0},
        {"vocab_size": "many", "embedding_size": None},
        {"mask_token_id": "x"},
        {"max_sequence_length": []},
        {"rope_theta": {}},
    ],
)
def test_nonsense_in_the_config_is_a_checkpoint_error(
    directory: Path, changes: dict[str, Any]
) -> None:
    write_config(directory, **changes)
    with pytest.raises(CheckpointError):
        checkpoint.load(directory)


def test_a_device_map_of_one_device_needs_no_package(directory: Path) -> None:
    plain = checkpoint.load(directory)
    mapped = checkpoint.load(directory, "meta", device_map={"": "cpu"})
    assert mapped.device == torch.device("cpu")
    assert torch.equal(logits(mapped, [1, 2, 3]), logits(plain, [1, 2, 3]))
    assert mapped.key == plain.key


@pytest.mark.parametrize(
    ("options", "package"),
    [
        ({"device_map": "auto"}, "accelerate"),
        ({"device_map": {"model.layers.0": "cpu", "": "cpu"}}, "accelerate"),
        ({"quantization": "int8"}, "torchao"),
    ],
)
def test_an_option_whose_package_is_missing_names_it(
    directory: Path, options: dict[str, Any], package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placement, "find_spec", lambda name: None)
    with pytest.raises(CheckpointError, match=f"needs the package {package}") as caught:
        checkpoint.load(directory, **options)
    assert caught.value.field == next(iter(options))


@pytest.mark.parametrize(
    "options",
    [{"device_map": "balanced"}, {"device_map": {"": "toaster"}}, {"quantization": "int2"}],
)
def test_unknown_loader_options_are_named(directory: Path, options: dict[str, Any]) -> None:
    with pytest.raises(CheckpointError) as caught:
        checkpoint.load(directory, **options)
    assert caught.value.field == next(iter(options))


@pytest.mark.parametrize("option", ["quantization", "device_map"])
def test_what_a_package_cannot_do_here_is_told(
    directory: Path, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacks(name: str) -> None:
        raise ImportError("needs a library that is not here")

    monkeypatch.setattr(placement, "find_spec", lambda package: object())
    monkeypatch.setattr(placement, "import_module", lacks)
    wanted: Any = {"quantization": "int8", "device_map": "auto"}[option]
    with pytest.raises(CheckpointError, match="a library that is not here") as refused:
        checkpoint.load(directory, **{option: wanted})
    assert refused.value.field == option
