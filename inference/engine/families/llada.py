"""LLaDA 8B, LLaDA 1.5, iLLaDA and this project's small models → Llama, bidirectional.

Source: ML-GSAI/LLaDA (arXiv 2502.09992); weights GSAI-ML/LLaDA-8B-Base, -Instruct, LLaDA-1.5 on
the Hub.
"""

from __future__ import annotations

from typing import Any

from inference.engine.families.family import Family
from inference.engine.families.layout import Rule, renames
from inference.engine.families.rotary import rotary
from inference.engine.families.spec import ModelSpec
from inference.engine.families.values import (
    Config,
    TokenLookup,
    eos_ids,
    flag,
    mask_id,
    refuse,
    required,
    special_id,
    stated,
)

_LAYER = "model.layers.{n}."
_BLOCK = "model.transformer.blocks.{n}."

KEYS = {
    "model.embed_tokens.weight": "model.transformer.wte.weight",
    "model.norm.weight": "model.transformer.ln_f.weight",
    "lm_head.weight": "model.transformer.ff_out.weight",
    _LAYER + "input_layernorm.weight": _BLOCK + "attn_norm.weight",
    _LAYER + "self_attn.q_proj.weight": _BLOCK + "q_proj.weight",
    _LAYER + "self_attn.k_proj.weight": _BLOCK + "k_proj.weight",
    _LAYER + "self_attn.v_proj.weight": _BLOCK + "v_proj.weight",
    _LAYER + "self_attn.o_proj.weight": _BLOCK + "attn_out.weight",
    _LAYER + "post_attention_layernorm.weight": _BLOCK + "ff_norm.weight",
    _LAYER + "mlp.gate_proj.weight": _BLOCK + "ff_proj.weight",
    _LAYER + "mlp.up_proj.weight": _BLOCK + "up_proj.weight",
    _LAYER + "mlp.down_proj.weight": _BLOCK + "ff_out.weight",
}

SUPPORTED = {
    "block_type": "llama",
    "activation_type": "silu",
    "layer_norm_type": "rms",
    "rope": True,
    "alibi": False,
    "multi_query_attention": False,
    "block_group_size": 1,
    "layer_norm_with_affine": True,
    "bias_for_layer_norm": False,
    "include_bias": False,
    "include_qkv_bias": False,
    "attention_layer_norm": False,
    "scale_logits": False,
    "input_emb_norm": False,
}


def native_config(config: Config) -> dict[str, Any]:
    refuse(config, SUPPORTED)
    heads = required(config, "n_heads")
    return {
        "vocab_size": config.get("embedding_size") or required(config, "vocab_size"),
        "hidden_size": required(config, "d_model"),
        "intermediate_size": required(config, "mlp_hidden_size"),
        "num_hidden_layers": required(config, "n_layers"),
        "num_attention_heads": heads,
        "num_key_value_heads": config.get("n_kv_heads") or heads,
        "rms_norm_eps": stated(config, "rms_norm_eps", 1e-5),
        "max_position_embeddings": required(config, "max_sequence_length"),
        "rope_parameters": rotary(config),
        "tie_word_embeddings": flag(config, "weight_tying"),
        "attention_bias": False,
        "mlp_bias": False,
    }


def spec(config: Config, lookup: TokenLookup) -> ModelSpec:
    eos = eos_ids(config, lookup, "<|endoftext|>")
    expand = special_id(config, "expand_token_id", lookup, "<|expand|>")
    return ModelSpec(
        family="llada",
        vocab_size=config.get("embedding_size") or required(config, "vocab_size"),
        context=required(config, "max_sequence_length"),
        mask_id=mask_id(config, lookup, "<|mdm_mask|>", "<|mask|>", "[MASK]"),
        **eos,
        eot_id=special_id(config, "eot_token_id", lookup, "<|eot_id|>"),
        pad_id=special_id(config, "pad_token_id", lookup, "<|endoftext|>"),
        bos_id=special_id(config, "bos_token_id", lookup, "<|startoftext|>"),
        expand_id=expand,
        delete_id=special_id(config, "delete_token_id", lookup, "<|delete|>"),
        length="edits" if expand is not None else "fixed",
        chat="llada" if lookup("<|start_header_id|>") is not None else "none",
    )


def rules(config: Config) -> list[Rule]:
    return renames(KEYS)


FAMILY = Family(
    name="llada",
    model_types=("llada",),
    architectures=("LLaDAModelLM", "LLaDAModel"),
    config_class="LlamaConfig",
    model_class="LlamaForCausalLM",
    native_config=native_config,
    spec=spec,
    rules=rules,
)
