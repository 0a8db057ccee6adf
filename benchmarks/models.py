"""Models to measure: the shipped one, and random ones of a given shape.

What is measured on a random model is arithmetic, not quality. Checkpoints are written and loaded
as any other, so that the measured path is the product's own.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import torch

from inference.engine import checkpoint
from inference.engine.checkpoint import LoadedModel
from inference.engine.families import family_of
from inference.engine.native import allocated
from inference.engine.precisions import DTYPES

DIFFUSION = ("addition", "infill", "stories", "sudoku", "waiting_line")
"""Shipped models that denoise."""
SHIPPED = Path(__file__).resolve().parent.parent / "inference" / "shipped"
LLADA_VOCABULARY, LLADA_MASK, LLADA_EOS = 126_464, 126_336, 126_081
SMALL_VOCABULARY = 761
"""As many tokens as the story model has."""


def shipped(name: str = "stories") -> LoadedModel:
    """A shipped model in float32 on the CPU, as the worker loads it."""
    return checkpoint.load(SHIPPED / name, dtype="float32")


def large_vocabulary() -> LoadedModel:
    """A small body under the LLaDA vocabulary: the post-processing weighs as in real use."""
    return random_llada(width=256, layers=4, heads=4, hidden=704)


def body_of_135m(dtype: str = "float32", vocabulary: int = LLADA_VOCABULARY) -> LoadedModel:
    """A body of SmolLM2-135M's shape, under the LLaDA vocabulary unless another one is named."""
    return random_llada(
        width=576, layers=30, heads=9, hidden=1536, dtype=dtype, vocabulary=vocabulary
    )


def write_large_vocabulary(directory: Path) -> None:
    """The same model as files of a MODELS_DIR, with the story model's tokenizer for the prompt."""
    config = _config(256, 4, 4, 704, "float32")
    torch.manual_seed(0)
    checkpoint.save(checkpoint.build(config), config, directory)
    shutil.copy(SHIPPED / "stories" / "tokenizer.json", directory)
    card = {"label": "Large", "kind": "diffusion", "context": 1024, "trained_on": "Nothing."}
    (directory / "unmask.json").write_text(json.dumps(card))


def slow() -> LoadedModel:
    """The body of `write_slow`, loaded."""
    with tempfile.TemporaryDirectory(prefix="unmask-bench-") as folder:
        write_slow(Path(folder) / "slow")
        return checkpoint.load(Path(folder) / "slow", dtype="float32")


def write_slow(directory: Path) -> None:
    """A body whose step takes its time under the story model's vocabulary, as a MODELS_DIR entry.

    So that what a step costs besides the model is seen against a step of a larger one.
    """
    config = json.loads((SHIPPED / "stories" / "config.json").read_text())
    config |= {"d_model": 512, "n_layers": 14, "n_heads": 8, "n_kv_heads": 8}
    config |= {"mlp_hidden_size": 1408, "torch_dtype": "float32", "max_sequence_length": 512}
    torch.manual_seed(0)
    checkpoint.save(checkpoint.build(config), config, directory)
    shutil.copy(SHIPPED / "stories" / "tokenizer.json", directory)
    card = {"label": "Slow", "kind": "diffusion", "context": 512, "trained_on": "Nothing."}
    (directory / "unmask.json").write_text(json.dumps(card))


def random_on(
    device: torch.device,
    width: int,
    layers: int,
    heads: int,
    hidden: int,
    dtype: torch.dtype = torch.float32,
) -> LoadedModel:
    """A random LLaDA whose weights are made on the device itself: no file of 16 GB is written."""
    config = _config(width, layers, heads, hidden, str(dtype).removeprefix("torch."))
    family = family_of(config)
    model = allocated(family, config, device, dtype)
    generator = torch.Generator(device).manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            _randomise(parameter, generator)
    spec = checkpoint.checked_spec(family, config, None)
    return LoadedModel(
        path="",
        spec=spec,
        family=family,
        config=config,
        model=model.eval().requires_grad_(False),
        tokenizer=None,
        device=device,
        dtype=dtype,
        weights_hash="random",
        tokenizer_hash=None,
        key=f"random {width} {layers}",
        parameters=sum(parameter.numel() for parameter in model.parameters()),
    )


def _randomise(parameter: torch.Tensor, generator: torch.Generator) -> None:
    """Matrices as transformers starts them; norms do nothing."""
    if parameter.dim() > 1:
        parameter.normal_(std=0.02, generator=generator)
    else:
        parameter.fill_(1.0)


def random_llada(
    width: int,
    layers: int,
    heads: int,
    hidden: int,
    device: str = "cpu",
    dtype: str = "float32",
    vocabulary: int = LLADA_VOCABULARY,
) -> LoadedModel:
    """A random LLaDA: seeded, loaded from a temporary directory."""
    config = _config(width, layers, heads, hidden, dtype, vocabulary)
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory(prefix="unmask-bench-") as folder:
        with torch.device(device):
            model = checkpoint.build(config, DTYPES[dtype])
        checkpoint.save(model, config, folder)
        del model
        return checkpoint.load(folder, device=device)


def _config(
    width: int,
    layers: int,
    heads: int,
    hidden: int,
    dtype: str,
    vocabulary: int = LLADA_VOCABULARY,
) -> dict[str, Any]:
    mask, end = LLADA_MASK, LLADA_EOS
    if vocabulary < LLADA_VOCABULARY:
        mask, end = vocabulary - 1, vocabulary - 2
    return {
        "model_type": "llada",
        "architectures": ["LLaDAModelLM"],
        "d_model": width,
        "n_layers": layers,
        "n_heads": heads,
        "n_kv_heads": heads,
        "mlp_hidden_size": hidden,
        "vocab_size": vocabulary,
        "embedding_size": vocabulary,
        "max_sequence_length": 4096,
        "rope_theta": 500_000.0,
        "rms_norm_eps": 1e-5,
        "mask_token_id": mask,
        "eos_token_id": end,
        "pad_token_id": end,
        "torch_dtype": dtype,
    }
