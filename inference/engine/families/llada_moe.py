"""LLaDA-MoE 7B-A1B → Qwen3-MoE, bidirectional; routing weights are not renormalised.

Source: weights inclusionAI/LLaDA-MoE-7B-A1B-Base, -Instruct; their model in ZHZisZZ/dllm.
"""

from __future__ import annotations

from typing import Any

from inference.engine.families.dream import body
from inference.engine.families.family import Family
from inference.engine.families.layout import Rule, stacked_experts
from inference.engine.families.spec import ModelSpec
from inference.engine.families.values import (
    Config,
    TokenLookup,
    eos_ids,
    mask_id,
    refuse,
    refuse_windows,
    required,
    special_id,
)

SUPPORTED = {
    "hidden_act": "silu",
    "attention_bias": False,
    "clip_qkv": None,
    "qk_layernorm": True,
    "moe_router_score_function": "softmax",
}


def native_config(config: Config) -> dict[str, Any]:
    refuse(config, SUPPORTED)
    refuse_windows(config)
    width = required(config, "expert_intermediate_size")
    sizes = {**config, "intermediate_size": config.get("dense_intermediate_size") or width}
    sizes["num_key_value_heads"] = (
        config.get("num_key_value_heads") or config["num_attention_heads"]
    )
    return {
        **body(sizes),
        "head_dim": required(config, "hidden_size") // required(config, "num_attention_heads"),
        "moe_intermediate_size": width,
        "num_experts": required(config, "num_experts"),
        "num_experts_per_tok": required(config, "num_experts_per_tok"),
        "norm_topk_prob": False,
        "decoder_sparse_step": 1,
        "mlp_only_layers": [],
        "attention_bias": False,
    }


def spec(config: Config, lookup: TokenLookup) -> ModelSpec:
    return ModelSpec(
        family="llada_moe",
        vocab_size=required(config, "vocab_size"),
        context=required(config, "max_position_embeddings"),
        mask_id=mask_id(config, lookup, "<|mask|>"),
        **eos_ids(config, lookup, "<|endoftext|>"),
        eot_id=lookup("<|role_end|>"),
        pad_id=special_id(config, "pad_token_id", lookup, "<|endoftext|>"),
        bos_id=special_id(config, "bos_token_id", lookup, "<|startoftext|>"),
        chat="role" if lookup("<|role_end|>") is not None else "none",
        system="detailed thinking off",
    )


def rules(config: Config) -> list[Rule]:
    return stacked_experts(r"model\.layers\.")


FAMILY = Family(
    name="llada_moe",
    model_types=("lladamoe", "llada_moe"),
    architectures=("LLaDAMoEModelLM", "LLaDAMoEModel"),
    config_class="Qwen3MoeConfig",
    model_class="Qwen3MoeForCausalLM",
    native_config=native_config,
    spec=spec,
    rules=rules,
    experts_apart=True,
)
