"""Folders in the shape in which they are published load, with the facts of their model cards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from inference.engine import checkpoint
from inference.engine.checkpoint import LoadedModel
from inference.engine.families.diffusion_gemma import denoise
from inference.engine.forward import logits
from tests.inference.engine.families.published import ALL, Published, write_published

FACTS: dict[str, dict[str, Any]] = {
    # what decoding has to know; special ids are those of the scaled tables
    "GSAI-ML/LLaDA-8B-Instruct": {
        "family": "llada", "mask_id": 310, "end_ids": (300, 304), "chat": "llada",
    },
    "Dream-org/Dream-v0-Instruct-7B": {
        "family": "dream", "mask_id": 311, "bos_id": 310, "end_ids": (300, 302), "context": 2048,
        "predict": "shifted", "system": "You are a helpful assistant.",
    },
    "Dream-org/DreamOn-v0-7B": {
        "family": "dream", "expand_id": 312, "delete_id": 300, "length": "edits",
    },
    "inclusionAI/LLaDA-MoE-7B-A1B-Instruct": {
        "family": "llada_moe", "mask_id": 310, "end_ids": (300, 304), "attention": "full",
        "chat": "role", "context": 8192,
    },
    "inclusionAI/LLaDA2.0-mini": {
        "family": "llada2", "mask_id": 310, "eos_id": 300, "block_size": 32, "attention": "block",
    },
    "JetLM/SDAR-1.7B-Chat": {
        "family": "qwen3", "mask_id": 310, "block_size": 4, "attention": "block", "system": "",
    },
    "dllm-hub/Qwen3-0.6B-diffusion-mdlm-v0.1": {
        "family": "qwen3", "mask_id": 310, "attention": "full", "system": "",
    },
    "Efficient-Large-Model/Fast_dLLM_v2_1.5B": {
        "family": "qwen2", "mask_id": 310, "block_size": 32, "predict": "shifted",
        "end_ids": (302, 300), "attention": "block",
        "system": "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.",
    },
    "dllm-hub/ModernBERT-base-chat-v0.1": {
        "family": "modernbert", "mask_id": 310, "bos_id": 301, "eos_id": 302,
    },
    "google/diffusiongemma-26B-A4B-it": {
        "family": "diffusion_gemma", "mask_id": None, "noise": "uniform", "canvas_length": 256,
        "bos_id": 302, "end_ids": (301, 303, 305),
    },
}  # fmt: skip


@pytest.fixture(scope="module", params=list(ALL))
def published(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Published, Path, LoadedModel]:
    row = ALL[request.param]
    folder = write_published(tmp_path_factory.mktemp("published") / row.source, row)
    return row, folder, checkpoint.load(folder, needs_tokenizer=True)


def test_the_facts_are_those_of_the_card(published: tuple[Published, Path, LoadedModel]) -> None:
    row, _, model = published
    found = {name: getattr(model.spec, name) for name in FACTS[row.source]}
    assert found == FACTS[row.source]
    stated = row.config.get("dtype") or row.config["torch_dtype"]
    assert str(model.dtype) == f"torch.{stated}"


def test_the_keys_are_those_of_the_files(published: tuple[Published, Path, LoadedModel]) -> None:
    row, _, model = published
    keys = set(checkpoint.export_state(model.model, model.config))
    first = {key for key in keys if any(part in key for part in (".layers.0.", ".blocks.0."))}
    rest = {key for key in keys if not any(part in key for part in (".layers.", ".blocks."))}
    if model.spec.family == "diffusion_gemma":  # the native names, beside those of its pictures
        assert set(row.layer) <= first
        return
    assert first == set(row.layer)
    assert rest == set(row.others)


def test_text_is_read_as_published(published: tuple[Published, Path, LoadedModel]) -> None:
    row, _, model = published
    assert model.tokenizer is not None
    ids = model.tokenizer.encode_prompt(" he said")
    led = row.begin is not None and "add_bos_token" not in row.tokenizer_config
    begin = [row.tokens[str(row.begin)][0]] if led else []
    assert ids[: len(begin) + 1] == [*begin, 257]
    assert model.tokenizer.decode(ids[len(begin) :]) == " he said"
    for text, (number, special) in row.tokens.items():
        assert model.tokenizer.id_of(text) == number
        assert (number in model.tokenizer.encode(f"a{text}b")) == (not special)
        assert number in model.tokenizer.encode(f"a{text}b", special=True)


def test_it_computes(published: tuple[Published, Path, LoadedModel]) -> None:
    _, _, model = published
    if model.spec.family == "diffusion_gemma":
        rows = denoise(model.model, torch.arange(3), torch.arange(9), None)
    else:
        rows = logits(model, list(range(9)))
    assert rows.shape == (9, model.spec.vocab_size)
    assert bool(torch.isfinite(rows).all())
