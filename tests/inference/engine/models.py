"""Tiny random models of every family, written under the key names of the real checkpoints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from inference.engine import checkpoint, native
from inference.engine.checkpoint import LoadedModel

VOCAB, MASK, EOS = 320, 310, 300

QWEN = {
    "vocab_size": VOCAB,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "rms_norm_eps": 1e-6,
    "rope_theta": 10000.0,
    "tie_word_embeddings": False,
    "mask_token_id": MASK,
    "eos_token_id": EOS,
    "pad_token_id": EOS,
}
LLADA = {
    "architectures": ["LLaDAModelLM"],
    "auto_map": {"AutoModel": "modeling_llada.LLaDAModelLM"},
    "model_type": "llada",
    "d_model": 32,
    "n_layers": 2,
    "n_heads": 4,
    "n_kv_heads": 2,
    "mlp_hidden_size": 48,
    "vocab_size": VOCAB,
    "embedding_size": VOCAB,
    "max_sequence_length": 128,
    "rope_theta": 10000.0,
    "mask_token_id": MASK,
    "eos_token_id": EOS,
}
CONFIGS: dict[str, dict[str, Any]] = {
    "llada": LLADA,
    "llada-tied": {**LLADA, "weight_tying": True},
    "dream": {**QWEN, "architectures": ["DreamModel"], "model_type": "Dream"},
    "dreamon": {
        **QWEN,
        "architectures": ["DreamModel"],
        "model_type": "Dream",
        "expand_token_id": 311,
    },
    "llada_moe": {
        **QWEN,
        "architectures": ["LLaDAMoEModelLM"],
        "model_type": "llada",
        "expert_intermediate_size": 16,
        "dense_intermediate_size": 48,
        "num_experts": 4,
        "num_experts_per_tok": 2,
        "qk_layernorm": True,
    },
    "llada2": {
        **QWEN,
        "architectures": ["LLaDA2MoeModelLM"],
        "model_type": "llada2_moe",
        "head_dim": 8,
        "num_experts": 8,
        "num_experts_per_tok": 2,
        "num_shared_experts": 1,
        "moe_intermediate_size": 16,
        "n_group": 2,
        "topk_group": 1,
        "first_k_dense_replace": 1,
        "use_bias": False,
        "block_size": 4,
    },
    "sdar": {**QWEN, "architectures": ["SDARForCausalLM"], "model_type": "sdar", "head_dim": 8},
    "a2d-qwen3": {**QWEN, "architectures": ["A2DQwen3LMHeadModel"], "model_type": "a2d-qwen3"},
    "a2d-qwen2": {**QWEN, "architectures": ["A2DQwen2LMHeadModel"], "model_type": "a2d-qwen2"},
    "fast-dllm-v2": {
        **QWEN,
        "architectures": ["Fast_dLLM_QwenForCausalLM"],
        "model_type": "Fast_dLLM_Qwen",
        "bd_size": 4,
    },
    "a2d-llama": {**QWEN, "architectures": ["A2DLlamaLMHeadModel"], "model_type": "a2d-llama"},
    "block_llama": {
        **QWEN,
        "model_type": "block_llama",
        "block_size": 4,
        "barred_token_ids": [302, 303],
    },
    "modernbert": {
        "architectures": ["ModernBertForMaskedLM"],
        "model_type": "modernbert",
        "vocab_size": VOCAB,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 128,
        "local_attention": 8,
        "mask_token_id": MASK,
        "pad_token_id": EOS,
        "cls_token_id": 301,
        "sep_token_id": EOS,
        "bos_token_id": 301,
        "eos_token_id": EOS,
    },
}
GEMMA: dict[str, Any] = {
    "architectures": ["DiffusionGemmaForBlockDiffusion"],
    "model_type": "diffusion_gemma",
    "canvas_length": 6,
    "text_config": {
        "model_type": "diffusion_gemma_text",
        "vocab_size": VOCAB,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "global_head_dim": 8,
        "num_global_key_value_heads": 2,
        "sliding_window": 8,
        "max_position_embeddings": 128,
        "num_experts": 4,
        "top_k_experts": 2,
        "moe_intermediate_size": 16,
        "layer_types": ["sliding_attention", "full_attention"],
    },
    "vision_config": {
        "model_type": "gemma4_vision",
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "head_dim": 8,
    },
}
CONFIGS["diffusion_gemma"] = GEMMA


def write_model(directory: Path, name: str, seed: int = 0) -> Path:
    """A random model of the config with that name, with logits that differ from place to place."""
    torch.manual_seed(seed)
    config = CONFIGS[name]
    model = checkpoint.build(config)
    with torch.no_grad():
        for value in native.weights_of(model).values():
            value.copy_(torch.randn_like(value) * (0.3 if value.dim() > 1 else 0.1))
            if value.dim() == 1:
                value.add_(1.0)
    checkpoint.save(model, config, directory)
    return directory


def load_tiny(directory: Path, name: str, **options: Any) -> LoadedModel:
    """`write_model`, loaded again."""
    return checkpoint.load(write_model(directory, name), **options)


def write_config(directory: Path, **changes: Any) -> None:
    """Changes keys of a written config.json; None takes one away."""
    path = directory / "config.json"
    config = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({key: v for key, v in config.items() if v is not None}))
