"""Dream 7B, Dream-Coder, DiffuCoder, DreamOn → Qwen2, bidirectional, shifted by one.

Source: DreamLM/Dream (arXiv 2508.15487), DreamLM/DreamOn, apple/ml-diffucoder.
"""

from __future__ import annotations

from typing import Any

from inference.engine.families.family import Family
from inference.engine.families.rotary import rotary
from inference.engine.families.spec import ModelSpec
from inference.engine.families.values import (
    Config,
    TokenLookup,
    eos_ids,
    flag,
    mask_id,
    refuse,
    refuse_windows,
    required,
    special_id,
    stated,
)

BODY = (
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "max_position_embeddings",
)


def body(config: Config, share: float | None = None) -> dict[str, Any]:
    """The sizes, which Qwen-shaped configs and the native classes call by the same names.

    `share`: the part of each head that turns by default, for classes that turn a part.
    """
    values: dict[str, Any] = {key: required(config, key) for key in BODY}
    values["rms_norm_eps"] = stated(config, "rms_norm_eps", 1e-6)
    values["rope_parameters"] = rotary(config, share)
    values["tie_word_embeddings"] = flag(config, "tie_word_embeddings")
    return values


def native_config(config: Config) -> dict[str, Any]:
    supported = {"hidden_act": "silu", "use_mrope": False}
    refuse(config, supported)
    refuse_windows(config)
    return body(config)


def spec(config: Config, lookup: TokenLookup) -> ModelSpec:
    """DreamOn is known by its expand token; 151667 means expand there but padding in DiffuCoder."""
    eos = eos_ids(config, lookup, "<|endoftext|>")
    expand = special_id(config, "expand_token_id", lookup, "<|expand|>")
    pad = special_id(config, "pad_token_id", lookup, "<|dlm_pad|>", "<|endoftext|>")
    return ModelSpec(
        family="dream",
        vocab_size=required(config, "vocab_size"),
        context=min(required(config, "max_position_embeddings"), 2048),
        mask_id=mask_id(config, lookup, "<|mask|>"),
        **eos,
        eot_id=lookup("<|im_end|>"),
        pad_id=pad,
        bos_id=lookup("<|beginoftext|>") or special_id(config, "bos_token_id", lookup),
        expand_id=expand,
        delete_id=eos["eos_id"] if expand is not None else None,
        predict="shifted",
        length="edits" if expand is not None else "fixed",
        pad_positions="counted",
        chat="chatml" if lookup("<|im_start|>") is not None else "none",
        system="You are a helpful assistant.",
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
