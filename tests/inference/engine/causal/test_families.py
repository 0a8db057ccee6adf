"""Each causal family against transformers' own `generate`, in float32."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from inference.causal_families import CAUSAL_FAMILIES
from inference.engine import checkpoint
from inference.engine.batching import Batcher
from inference.engine.causal import steps
from inference.engine.causal.engine import CausalEngine
from inference.engine.causal.pool import Turn
from inference.engine.causal.sampling import Sampling
from inference.engine.errors import CheckpointError
from inference.engine.forward import Request, forward_many
from tests.inference.engine.causal.tiny import native_model, write_model

PROMPTS = ([7, 3, 250, 31, 8, 90], [12] * 21 + [4], [200, 100, 5])


def reference(native: Any, ids: list[int], count: int) -> tuple[list[int], torch.Tensor]:
    """Greedy tokens, no end among them, and each step's logits, as transformers has them."""
    output = native.generate(
        torch.tensor([ids]),
        attention_mask=torch.ones(1, len(ids), dtype=torch.long),
        do_sample=False,
        max_new_tokens=count,
        min_new_tokens=count,
        output_logits=True,
        return_dict_in_generate=True,
    )
    return output.sequences[0, len(ids) :].tolist(), torch.cat(output.logits)


def native_end(native: Any) -> list[int]:
    end = native.generation_config.eos_token_id
    return end if isinstance(end, list) else [end]


@pytest.fixture(params=CAUSAL_FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    return request.param


def test_greedy_tokens_and_logits_are_those_of_transformers(family: str, tmp_path: Path) -> None:
    engine = CausalEngine(checkpoint.load(write_model(tmp_path, family)))
    native = native_model(family)
    no_end = Sampling(logit_bias=dict.fromkeys(native_end(native), -1000000000.0))
    for ids in PROMPTS:
        tokens, logits = reference(native, ids, 24)
        found = [one.token for one in engine.generate(ids, no_end, max_tokens=24, end=False)]
        assert found == tokens
        sequence = engine.pool.open([*ids, *tokens[:10]])
        assert (engine.logits(sequence) - logits[10]).abs().max() < 1e-4


def test_together_they_write_what_each_writes_alone(family: str, tmp_path: Path) -> None:
    """Rows of different lengths in one forward: masks, windows and positions are each row's own."""
    model = checkpoint.load(write_model(tmp_path, family))
    alone = [
        [one.token for one in CausalEngine(model).generate(ids, max_tokens=16, end=False)]
        for ids in PROMPTS
    ]
    engine = CausalEngine(model)
    sequences = [engine.pool.open(ids) for ids in PROMPTS]
    turns = [Turn(sequence, len(sequence.ids)) for sequence in sequences]
    together: list[list[int]] = [[] for _ in PROMPTS]
    for _ in range(16):
        logits = steps.step(model, turns)
        for row, sequence, tokens in zip(logits, sequences, together, strict=True):
            tokens.append(int(row[-1].argmax()))
            sequence.ids.append(tokens[-1])
        turns = [Turn(sequence, len(sequence.ids)) for sequence in sequences]
    assert together == alone


def test_published_gpt2_files_have_keys_without_their_first_part(tmp_path: Path) -> None:
    write_model(tmp_path, "gpt2")
    weights = load_file(tmp_path / "model.safetensors")
    bare = {key.removeprefix("transformer."): value for key, value in weights.items()}
    bare |= {
        "h.0.attn.bias": torch.ones(1, 1, 96, 96).tril(),
        "h.0.attn.masked_bias": torch.ones(1),
    }
    save_file(bare, tmp_path / "model.safetensors")
    model = checkpoint.load(tmp_path)
    ids = torch.tensor([PROMPTS[0]])
    with torch.inference_mode():
        difference = model.model(ids).logits - native_model("gpt2")(ids).logits
    assert difference.abs().max() < 1e-5


def test_a_batcher_takes_turns_for_requests(tmp_path: Path) -> None:
    model = checkpoint.load(write_model(tmp_path))
    batcher = Batcher(steps.step)
    engine = CausalEngine(model, run=batcher, submit=batcher.submit)
    plain = CausalEngine(model)
    try:
        found = [one.token for one in engine.generate(PROMPTS[0], max_tokens=9, end=False)]
    finally:
        batcher.close()
    assert found == [one.token for one in plain.generate(PROMPTS[0], max_tokens=9, end=False)]


@pytest.mark.parametrize("kind", ["dynamic", "longrope"])
def test_frequencies_that_follow_the_longest_row_are_refused(kind: str, tmp_path: Path) -> None:
    write_model(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["rope_parameters"] = {"rope_type": kind, "rope_theta": 1e4, "factor": 2.0}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError) as caught:
        checkpoint.load(tmp_path)
    assert caught.value.field == "rope_parameters"


def _changed(directory: Path, **changes: Any) -> Path:
    config = json.loads((directory / "config.json").read_text())
    (directory / "config.json").write_text(json.dumps({**config, **changes}))
    return directory


def _rows(directory: Path) -> torch.Tensor:
    model = checkpoint.load(directory, dtype="float32")
    ids = torch.tensor(PROMPTS[0] * 3)
    return forward_many(model, [Request(ids, torch.arange(len(ids)))])[0]


LINEAR = {"factor": 4.0, "rope_theta": 1e4}


@pytest.mark.parametrize(
    ("family", "changes", "field"),
    [
        ("llama", {"rope_scaling": {"rope_type": "unheard-of"}}, "rope_scaling"),
        ("llama", {"rope_scaling": ["linear"]}, "rope_scaling"),
        ("llama", {"partial_rotary_factor": 0.5}, "partial_rotary_factor"),
        (
            "qwen3",
            {"rope_parameters": {"rope_theta": 1e4, "partial_rotary_factor": 0.5}},
            "partial_rotary_factor",
        ),
        ("gemma3_text", {"rope_parameters": {"rope_type": "linear", **LINEAR}}, "rope_parameters"),
        ("gemma3_text", {"rope_parameters": {"rope_theta": 5e3}}, "rope_parameters"),
        ("gemma3_text", {"rope_scaling": {"full_attention": LINEAR}}, "rope_scaling"),
        ("llama", {"rope_parameters": {"full_attention": LINEAR}}, "rope_parameters"),
    ],
)
def test_what_the_native_class_would_drop_in_silence_is_refused(
    family: str, changes: dict[str, Any], field: str, tmp_path: Path
) -> None:
    directory = _changed(write_model(tmp_path, family), **changes)
    with pytest.raises(CheckpointError) as caught:
        checkpoint.load(directory)
    assert caught.value.field == field


def test_a_type_by_its_older_name_counts(tmp_path: Path) -> None:
    """Gemma 3's class looks at `rope_type` alone, and dropped such a scaling."""
    kinds = {"layer_types": ["sliding_attention", "full_attention", "full_attention"]}
    directory = _changed(write_model(tmp_path, "gemma3_text"), rope_parameters=None, **kinds)
    plain = _rows(directory)
    older = _rows(_changed(directory, rope_scaling={"type": "linear", "factor": 4.0}))
    newer = _rows(_changed(directory, rope_scaling={"rope_type": "linear", "factor": 4.0}))
    assert torch.equal(older, newer)
    assert not torch.allclose(older, plain)


@pytest.mark.parametrize("key", ["rms_norm_eps", "hidden_act", "rope_theta"])
def test_null_says_as_little_as_a_missing_key(key: str, tmp_path: Path) -> None:
    directory = write_model(tmp_path)
    config = json.loads((directory / "config.json").read_text())
    config.pop(key, None)
    (directory / "config.json").write_text(json.dumps(config))
    missing = _rows(directory)
    assert torch.equal(_rows(_changed(directory, **{key: None})), missing)


def test_a_null_that_means_something_is_kept(tmp_path: Path) -> None:
    """Mistral's window: null is none, a missing one is 4 096 places."""
    directory = write_model(tmp_path, "mistral")
    assert checkpoint.load(directory).model.config.sliding_window == 8
    _changed(directory, sliding_window=None)
    assert checkpoint.load(directory).model.config.sliding_window is None
