"""A trained model as a directory that the general LLaDA loader reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer

from inference.engine.corpora.bpe import END, MASK, START
from inference.engine.training.model import MaskPredictor, Shape
from inference.engine.training.task import Task

SIDECAR = "unmask.json"


def llada_config(shape: Shape) -> dict[str, Any]:
    """config.json in LLaDA's own terms."""
    return {
        "model_type": "llada",
        "architectures": ["LLaDAModelLM"],
        "d_model": shape.width,
        "n_layers": shape.layers,
        "n_heads": shape.heads,
        "n_kv_heads": shape.heads,
        "mlp_hidden_size": shape.mlp_width,
        "vocab_size": shape.vocab_size,
        "embedding_size": shape.vocab_size,
        "max_sequence_length": shape.context,
        "block_type": "llama",
        "activation_type": "silu",
        "layer_norm_type": "rms",
        "rms_norm_eps": shape.norm_eps,
        "rope": True,
        "rope_theta": shape.rope_theta,
        "alibi": False,
        "include_bias": False,
        "include_qkv_bias": False,
        "attention_layer_norm": False,
        "scale_logits": False,
        "input_emb_norm": False,
        "weight_tying": False,
        "mask_token_id": shape.mask_id,
        "eos_token_id": shape.end_id,
        "pad_token_id": shape.end_id,
        "bos_token_id": shape.start_id,
        "torch_dtype": "bfloat16",
    }


def tokenizer_config(context: int, start: str | None) -> dict[str, Any]:
    """tokenizer_config.json for transformers' fast tokenizer.

    Half of the documents begin without the start token, and the cases that models are judged by do.
    """
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "add_bos_token": False,
        "bos_token": start,
        "eos_token": END,
        "pad_token": END,
        "mask_token": MASK,
        "model_max_length": context,
        "clean_up_tokenization_spaces": False,
    }


def sidecar(task: Task, training: dict[str, Any]) -> dict[str, Any]:
    """unmask.json: what the page says about the model, and how it was made."""
    return {
        "label": task.label,
        "default": task.default,
        "kind": "diffusion",
        "task": task.name,
        "trained_on": task.trained_on,
        "context": task.context,
        "decoding": task.decoding,
        "examples": task.examples,
        "training": training,
        "quality": [],
    }


def export(
    folder: Path, task: Task, model: MaskPredictor, tokenizer: Tokenizer, training: dict[str, Any]
) -> None:
    """Write config, bf16 weights, tokenizer and sidecar into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {
        name: tensor.detach().to("cpu", torch.bfloat16).contiguous()
        for name, tensor in model.state_dict().items()
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    start = START if model.shape.start_id is not None else None
    config = llada_config(model.shape) | task.extra_config(tokenizer)
    write_json(folder / "config.json", config)
    write_json(folder / "tokenizer_config.json", tokenizer_config(task.context, start))
    write_json(folder / SIDECAR, sidecar(task, training))
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "model.safetensors").chmod(0o644)


def write_json(path: Path, value: Any) -> None:
    """Readable JSON with a final newline."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
