"""LLaDA 2.0 and 2.1 → GLM-4-MoE with a block-causal mask.

Source: inclusionAI/LLaDA2.X; weights inclusionAI/LLaDA2.0-mini, -flash, LLaDA2.1-mini, -flash.
"""

from __future__ import annotations

import re
from typing import Any

import torch

from inference.engine.errors import CheckpointError
from inference.engine.families.dream import body
from inference.engine.families.family import Family
from inference.engine.families.layout import Piece, Rule, renames, stacked_experts
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
    stated,
)

_AT = "model.layers.{n}."
KEYS = {
    "model.embed_tokens.weight": "model.word_embeddings.weight",
    _AT + "self_attn.q_norm.weight": _AT + "attention.query_layernorm.weight",
    _AT + "self_attn.k_norm.weight": _AT + "attention.key_layernorm.weight",
    _AT + "self_attn.o_proj.weight": _AT + "attention.dense.weight",
    _AT + "mlp.gate.e_score_correction_bias": _AT + "mlp.gate.expert_bias",
}
SUPPORTED = {
    "hidden_act": "silu",
    "use_bias": False,
    "use_qkv_bias": False,
    "use_qk_norm": True,
    "score_function": "sigmoid",
    "norm_head": False,
}
BLOCK = 32
SHARE = 0.5
"""The part of each head that turns."""


def native_config(config: Config) -> dict[str, Any]:
    refuse(config, SUPPORTED)
    refuse_windows(config)
    heads = required(config, "num_attention_heads")
    sizes = {**config, "num_key_value_heads": config.get("num_key_value_heads") or heads}
    return {
        **body(sizes, SHARE),
        "head_dim": _head_dim(config),
        "moe_intermediate_size": required(config, "moe_intermediate_size"),
        "n_routed_experts": required(config, "num_experts"),
        "n_shared_experts": stated(config, "num_shared_experts", 0),
        "num_experts_per_tok": required(config, "num_experts_per_tok"),
        **_groups(config),
        "routed_scaling_factor": stated(config, "routed_scaling_factor", 2.5),
        "first_k_dense_replace": stated(config, "first_k_dense_replace", 0),
        "norm_topk_prob": flag(config, "norm_topk_prob", True),
        "use_qk_norm": True,
        "score_function": "sigmoid",
        "norm_head": False,
        "attention_bias": False,
        "num_mtp_layers": 0,
    }


def _groups(config: Config) -> dict[str, int]:
    """Groups of experts, and how many are chosen by the sum of their two best experts.

    Raises CheckpointError for groups that this cannot be done with: every forward would fail.
    """
    groups = natural(config, "n_group") or 8
    chosen = natural(config, "topk_group") or min(4, groups)
    experts = natural(config, "num_experts") or 0
    if experts % groups or experts // groups < 2:
        raise CheckpointError(
            f"config.json has num_experts = {experts} in n_group = {groups}; groups must be of one "
            "size, two experts at least.",
            "n_group",
        )
    return {"n_group": groups, "topk_group": chosen}


def _head_dim(config: Config) -> int:
    return natural(config, "head_dim") or config["hidden_size"] // config["num_attention_heads"]


def spec(config: Config, lookup: TokenLookup) -> ModelSpec:
    return ModelSpec(
        family="llada2",
        vocab_size=required(config, "vocab_size"),
        context=required(config, "max_position_embeddings"),
        mask_id=mask_id(config, lookup, "<|mask|>"),
        **eos_ids(config, lookup, "<|endoftext|>"),
        eot_id=lookup("<|role_end|>"),
        pad_id=special_id(config, "pad_token_id", lookup, "<|endoftext|>"),
        bos_id=special_id(config, "bos_token_id", lookup, "<|startoftext|>"),
        attention="block",
        block_size=natural(config, "block_size") or BLOCK,
        length="blocks",
        chat="role" if lookup("<|role_end|>") is not None else "none",
        system="detailed thinking off",
    )


def rules(config: Config) -> list[Rule]:
    return [*renames(KEYS), fused_qkv(config), *stacked_experts(r"model\.layers\.")]


def fused_qkv(config: Config) -> Rule:
    """q, k and v are row ranges of one matrix: all of Q, then all of K, then all of V."""
    heads = required(config, "num_attention_heads")
    groups = config.get("num_key_value_heads") or heads
    query, key = heads * _head_dim(config), groups * _head_dim(config)
    spans = {
        "q": slice(0, query),
        "k": slice(query, query + key),
        "v": slice(query + key, query + 2 * key),
    }
    pattern = re.compile(r"(model\.layers\.\d+\.)self_attn\.([qkv])_proj\.weight\Z")

    def rule(name: str, shape: torch.Size) -> list[Piece] | None:
        match = pattern.match(name)
        if match is None:
            return None
        fused = f"{match[1]}attention.query_key_value.weight"
        return [Piece(fused, name, rows=spans[match[2]])]

    return rule


FAMILY = Family(
    name="llada2",
    model_types=("llada2_moe",),
    architectures=("LLaDA2MoeModelLM",),
    config_class="Glm4MoeConfig",
    model_class="Glm4MoeForCausalLM",
    native_config=native_config,
    spec=spec,
    rules=rules,
    experts_apart=True,
)
