"""SDAR, TraDo and dllm's Qwen3 conversions → Qwen3, with a block mask where the model wants one.

Source: JetAstra/SDAR (arXiv 2510.06303); weights JetLM/SDAR-*-Chat; ZHZisZZ/dllm.
"""

from __future__ import annotations

from typing import Any

from inference.engine.families.dream import body
from inference.engine.families.family import Family
from inference.engine.families.spec import ModelSpec
from inference.engine.families.values import (
    Config,
    TokenLookup,
    eos_ids,
    flag,
    mask_id,
    natural,
    refuse,
    refuse_windows,
    required,
    special_id,
)

SUPPORTED = {"hidden_act": "silu"}
SDAR_BLOCK = 4
MASKS = ("<|MASK|>", "<|mask|>", "|<MASK>|")
"""Of SDAR, of dllm's conversions, of Fast-dLLM v2 (which names it in added_tokens.json alone)."""


def native_config(config: Config) -> dict[str, Any]:
    refuse(config, SUPPORTED)
    refuse_windows(config)
    width = required(config, "hidden_size") // required(config, "num_attention_heads")
    return {
        **body(config),
        "head_dim": natural(config, "head_dim") or width,
        "attention_bias": flag(config, "attention_bias"),
    }


def block_of(config: Config) -> int | None:
    """The block of a block-causal model: SDAR's is 4, a conversion's stands in its config."""
    stated = natural(config, "block_size") or natural(config, "block_length")
    if stated is None and str(config.get("model_type")).lower().startswith("sdar"):
        return SDAR_BLOCK
    return stated


def spec(config: Config, lookup: TokenLookup) -> ModelSpec:
    block = block_of(config)
    return ModelSpec(
        family="qwen3",
        vocab_size=required(config, "vocab_size"),
        context=required(config, "max_position_embeddings"),
        mask_id=mask_id(config, lookup, *MASKS),
        **eos_ids(config, lookup, "<|endoftext|>"),
        eot_id=lookup("<|im_end|>"),
        pad_id=special_id(config, "pad_token_id", lookup, "<|endoftext|>"),
        bos_id=special_id(config, "bos_token_id", lookup),
        attention="block" if block else "full",
        block_size=block,
        length="blocks" if block else "fixed",
        chat="chatml" if lookup("<|im_start|>") is not None else "none",
    )


FAMILY = Family(
    name="qwen3",
    model_types=("sdar", "SDAR", "a2d-qwen3"),
    architectures=("SDARForCausalLM", "A2DQwen3LMHeadModel"),
    config_class="Qwen3Config",
    model_class="Qwen3ForCausalLM",
    native_config=native_config,
    spec=spec,
)
