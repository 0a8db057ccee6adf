"""Dream 7B, Dream-Coder, DiffuCoder, DreamOn → Qwen2, bidirectional, shifted by one."""

from __future__ import annotations

from typing import Any

from inference.engine.families.family import (
    Config,
    Family,
    TokenLookup,
    mask_id,
    refuse,
    required,
    rope,
    special_id,
)
from inference.engine.families.spec import ModelSpec

BODY = (
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "max_position_embeddings",
)


def body(config: Config) -> dict[str, Any]:
    """The sizes, which Qwen-shaped configs and the native classes call by the same names."""
    values: dict[str, Any] = {key: required(config, key) for key in BODY}
    values["rms_norm_eps"] = config.get("rms_norm_eps", 1e-6)
    values["rope_parameters"] = rope(theta(config))
    values["tie_word_embeddings"] = bool(config.get("tie_word_embeddings", False))
    return values


def theta(config: Config) -> float:
    """The rotary base, which newer configs keep inside rope_parameters."""
    inside = config.get("rope_parameters") or {}
    return float(config.get("rope_theta") or inside.get("rope_theta") or 10000.0)


def native_config(config: Config) -> dict[str, Any]:
    supported = {"hidden_act": "silu", "rope_scaling": None, "use_sliding_window": False}
    refuse(config, supported)
    return body(config)


def spec(config: Config, lookup: TokenLookup) -> ModelSpec:
    """DreamOn is known by its expand token; 151667 means expand there but padding in DiffuCoder."""
    eos = special_id(config, "eos_token_id", lookup, "<|endoftext|>")
    expand = special_id(config, "expand_token_id", lookup, "<|expand|>")
    pad = special_id(config, "pad_token_id", lookup, "<|dlm_pad|>", "<|endoftext|>")
    return ModelSpec(
        family="dream",
        vocab_size=required(config, "vocab_size"),
        context=min(required(config, "max_position_embeddings"), 2048),
        mask_id=mask_id(config, lookup, "<|mask|>"),
        eos_id=eos,
        eot_id=lookup("<|im_end|>"),
        pad_id=pad,
        bos_id=lookup("<|beginoftext|>") or special_id(config, "bos_token_id", lookup),
        expand_id=expand,
        delete_id=eos if expand is not None else None,
        predict="shifted",
        length="edits" if expand is not None else "fixed",
        pad_positions="counted",
        chat="chatml" if lookup("<|im_start|>") is not None else "none",
    )


FAMILY = Family(
    name="dream",
    model_types=("Dream",),
    architectures=("DreamModel",),
    config_class="Qwen2Config",
    model_class="Qwen2ForCausalLM",
    native_config=native_config,
    spec=spec,
)
