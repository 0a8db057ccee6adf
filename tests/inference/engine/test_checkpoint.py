"""Loading: shards, wrong files, hostile files, progress, cancel, no foreign code."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from inference.engine import checkpoint, placement, shards, weights
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
    monkeypatch.setattr(weights, "construct", lambda *_: pytest.fail("it was built"))
    _refused(tmp_path, field)


@pytest.mark.parametrize(
    ("name", "changes", "field"),
    [
        ("llada2", {"topk_group": 5}, "topk_group"),
        ("llada2", {"n_group": 3}, "n_group"),
        ("llada2", {"n_group": 8}, "n_group"),
        ("llada2", {"num_experts_per_tok": 9}, "num_experts_per_tok"),
        ("llada_moe", {"num_experts_per_tok": 0}, "num_experts_per_tok"),
        ("diffusion_gemma", {"text_config": {"top_k_experts": 9}}, "top_k_experts"),
        ("llada", {"n_heads": 0}, "n_heads"),
        ("dream", {"num_attention_heads": -2}, "num_attention_heads"),
        ("a2d-qwen3", {"vocab_size": True}, "vocab_size"),
        ("a2d-qwen3", {"rms_norm_eps": "1e-6"}, "rms_norm_eps"),
    ],
)
def test_sizes_that_make_no_sense_are_refused_by_their_key(
    tmp_path: Path, name: str, changes: dict[str, Any], field: str
) -> None:
    """A router that was to choose more experts than there are failed in each forward."""
    write_model(tmp_path, name)
    config = CONFIGS[name]
    whole = {k: {**config[k], **v} if isinstance(v, dict) else v for k, v in changes.items()}
    write_config(tmp_path, **whole)
    _refused(tmp_path, field)


@pytest.mark.parametrize("name", ["llada", "dream", "llada2", "llada_moe", "a2d-qwen3"])
def test_null_says_as_little_as_a_missing_key(tmp_path: Path, name: str) -> None:
    config = {k: v for k, v in CONFIGS[name].items() if k not in OPTIONAL}
    torch.manual_seed(1)
    checkpoint.save(checkpoint.build(config), config, tmp_path)
    missing = logits(checkpoint.load(tmp_path), [1, 2, 3])
    (tmp_path / "config.json").write_text(json.dumps({**config, **dict.fromkeys(OPTIONAL)}))
    assert torch.equal(logits(checkpoint.load(tmp_path), [1, 2, 3]), missing)


OPTIONAL = (
    *("rms_norm_eps", "routed_scaling_factor", "norm_topk_prob", "tie_word_embeddings"),
    *("weight_tying", "rope_scaling", "rope_parameters", "topk_group", "partial_rotary_factor"),
)


def test_a_cancel_is_heard_before_anything_is_built(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "construct", lambda *_: pytest.fail("it was built"))
    with pytest.raises(LoadCancelled):
        checkpoint.load(directory, cancel=lambda: True)


def test_a_single_file_stands_above_the_index_of_former_shards(directory: Path) -> None:
    whole = logits(checkpoint.load(directory), [1, 2, 3])
    stale = {"weight_map": {"lm_head.weight": "model-00001-of-00002.safetensors"}}
    (directory / "model.safetensors.index.json").write_text(json.dumps(stale))
    assert torch.equal(logits(checkpoint.load(directory), [1, 2, 3]), whole)


def test_other_weights_beside_the_single_file_are_not_read(directory: Path) -> None:
    (directory / "adapter_model.safetensors").write_bytes(b"of something else")
    assert shards.find_shards(directory) == [directory / "model.safetensors"]
    checkpoint.load(directory)


TIED = {
    # family: its flag, and the key of its output head
    "llada": ("weight_tying", "model.transformer.ff_out.weight"),
    "dream": ("tie_word_embeddings", "lm_head.weight"),
    "a2d-qwen3": ("tie_word_embeddings", "lm_head.weight"),
    "a2d-qwen2": ("tie_word_embeddings", "lm_head.weight"),
    "llada_moe": ("tie_word_embeddings", "lm_head.weight"),
    "llada2": ("tie_word_embeddings", "lm_head.weight"),
}


@pytest.mark.parametrize("name", list(TIED))
def test_an_own_head_beside_a_tied_flag_is_used(name: str, tmp_path: Path) -> None:
    flag, _ = TIED[name]
    own = logits(checkpoint.load(write_model(tmp_path, name)), [1, 2, 3])
    write_config(tmp_path, **{flag: True})
    model = checkpoint.load(tmp_path)
    assert torch.equal(logits(model, [1, 2, 3]), own)


@pytest.mark.parametrize("name", list(TIED))
def test_an_equal_copy_of_the_embeddings_stays_one_tensor(name: str, tmp_path: Path) -> None:
    flag, head = TIED[name]
    write_model(tmp_path, name)
    write_config(tmp_path, **{flag: True})
    held = _weights(tmp_path)
    embedding = next(key for key in held if "embed" in key or "wte" in key)
    save_file({**held, head: held[embedding].clone()}, tmp_path / "model.safetensors")
    model = checkpoint.load(tmp_path).model
    assert model.lm_head.weight is model.model.embed_tokens.weight
    held.pop(head)
    save_file(held, tmp_path / "model.safetensors")
    alone = checkpoint.load(tmp_path).model
    assert torch.equal(alone.lm_head.weight, model.lm_head.weight)


def test_modernberts_own_decoder_is_used(tmp_path: Path) -> None:
    write_model(tmp_path, "modernbert")
    tied = logits(checkpoint.load(tmp_path), [1, 2, 3])
    held = _weights(tmp_path)
    other = torch.randn_like(held["model.embeddings.tok_embeddings.weight"])
    save_file({**held, "decoder.weight": other}, tmp_path / "model.safetensors")
    model = checkpoint.load(tmp_path)
    assert torch.equal(model.model.decoder.weight, other)
    assert not torch.allclose(logits(model, [1, 2, 3]), tied)


def test_two_different_copies_of_what_no_class_keeps_twice_are_refused(tmp_path: Path) -> None:
    """DiffusionGemma's encoder and decoder are one body."""
    write_model(tmp_path, "diffusion_gemma")
    held = _weights(tmp_path)
    key = "model.encoder.language_model.layers.0.self_attn.q_proj.weight"
    copy = key.replace("encoder.language_model", "decoder")
    save_file({**held, copy: held[key].clone()}, tmp_path / "model.safetensors")
    checkpoint.load(tmp_path)
    save_file({**held, copy: held[key] + 1}, tmp_path / "model.safetensors")
    assert "differs from" in _refused(tmp_path, copy)


@pytest.mark.parametrize("name", ["llada", "dream", "a2d-qwen3", "sdar"])
@pytest.mark.parametrize("value", ["false", "true", 0, 1, []])
def test_a_flag_that_is_no_truth_value_is_refused(name: str, value: Any, tmp_path: Path) -> None:
    flag = "weight_tying" if name == "llada" else "tie_word_embeddings"
    write_model(tmp_path, name)
    write_config(tmp_path, **{flag: value})
    _refused(tmp_path, flag)


@pytest.mark.parametrize(
    ("name", "changes", "field"),
    [
        ("sdar", {"attention_bias": "false"}, "attention_bias"),
        ("sdar", {"block_size": "4"}, "block_size"),
        ("sdar", {"block_size": 4.5}, "block_size"),
        ("sdar", {"block_size": True}, "block_size"),
        ("sdar", {"block_size": -4}, "block_size"),
        ("fast-dllm-v2", {"bd_size": "32"}, "bd_size"),
        ("llada2", {"block_size": "32"}, "block_size"),
        ("llada2", {"head_dim": "8"}, "head_dim"),
        ("llada2", {"score_function": "softmax"}, "score_function"),
        ("diffusion_gemma", {"canvas_length": 1.5}, "canvas_length"),
        ("llada", {"mask_token_id": "310"}, "mask_token_id"),
        ("llada", {"mask_token_id": 310.9}, "mask_token_id"),
        ("llada", {"eos_token_id": [300, "301"]}, "eos_token_id"),
        ("llada", {"eos_token_id": [300, 320]}, "eos_token_id[1]"),
        ("llada", {"multi_query_attention": True}, "multi_query_attention"),
        ("dream", {"use_sliding_window": True}, "use_sliding_window"),
        ("a2d-qwen3", {"layer_types": ["full_attention", "sliding_attention"]}, "layer_types"),
        ("a2d-qwen2", {"layer_types": ["sliding_attention"] * 2}, "layer_types"),
        ("llada_moe", {"layer_types": "sliding_attention"}, "layer_types"),
        ("llada2", {"layer_types": [5]}, "layer_types"),
    ],
)
def test_a_value_of_another_type_is_refused_by_its_key(
    name: str, changes: dict[str, Any], field: str, tmp_path: Path
) -> None:
    write_model(tmp_path, name)
    write_config(tmp_path, **changes)
    _refused(tmp_path, field)


@pytest.mark.parametrize("key", ["dtype", "torch_dtype"])
@pytest.mark.parametrize("name", ["bfloat16", "torch.bfloat16"])
def test_a_precision_may_be_named_as_torch_prints_it(name: str, key: str, directory: Path) -> None:
    write_config(directory, **{"dtype": None, "torch_dtype": None, key: name})
    assert checkpoint.load(directory).dtype == torch.bfloat16


def test_every_id_of_a_list_of_end_tokens_ends_a_text(directory: Path) -> None:
    write_config(directory, eos_token_id=[300, 301])
    (directory / "generation_config.json").write_text(json.dumps({"eos_token_id": [301, 302]}))
    spec = checkpoint.load(directory).spec
    assert (spec.eos_id, spec.eos_ids, spec.end_ids) == (300, (300, 301, 302), (300, 301, 302))
    (directory / "generation_config.json").write_text(json.dumps({"eos_token_id": 303}))
    assert checkpoint.load(directory).spec.end_ids == (300, 301)


@pytest.mark.parametrize(
    ("ids", "ends"), [([301, 302], (301, 302)), (303, (303,)), ([], ()), (None, ())]
)
def test_end_tokens_that_only_the_generation_config_names_end_a_text(
    ids: Any, ends: tuple[int, ...], directory: Path
) -> None:
    write_config(directory, eos_token_id=None)
    (directory / "generation_config.json").write_text(json.dumps({"eos_token_id": ids}))
    assert checkpoint.load(directory).spec.eos_ids == ends


@pytest.mark.parametrize("ids", [["a"], [True], [1.5], [320], [-1], [[1]]])
def test_end_tokens_that_are_none_are_refused(ids: list[Any], directory: Path) -> None:
    (directory / "generation_config.json").write_text(json.dumps({"eos_token_id": ids}))
    with pytest.raises(CheckpointError) as caught:
        checkpoint.load(directory)
    assert str(caught.value.field).startswith("eos_token_id")


def test_a_model_that_reads_no_text_is_refused_where_text_is_wanted(directory: Path) -> None:
    assert checkpoint.load(directory).tokenizer is None
    with pytest.raises(CheckpointError, match=r"no tokenizer\.json .*save_pretrained") as caught:
        checkpoint.load(directory, needs_tokenizer=True)
    assert caught.value.field == "tokenizer.json"


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
