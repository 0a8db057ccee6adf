"""From the metadata of a GGUF file to what config.json would say: one row for each architecture.

Names of metadata keys and tensors, and what converters change in the weights, are those of
convert_hf_to_gguf.py and gguf-py in ggml-org/llama.cpp.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from inference.engine.errors import CheckpointError
from inference.engine.gguf import rope_factors

Metadata = Mapping[str, Any]
Change = Callable[[Tensor, Mapping[str, Any]], Tensor]

SIZES = {
    # key of the metadata, after the architecture's name: key of config.json
    "block_count": "num_hidden_layers",
    "context_length": "max_position_embeddings",
    "embedding_length": "hidden_size",
    "feed_forward_length": "intermediate_size",
    "attention.head_count": "num_attention_heads",
    "attention.layer_norm_rms_epsilon": "rms_norm_eps",
}
OPTIONS = {
    "attention.head_count_kv": "num_key_value_heads",
    "attention.key_length": "head_dim",
    "rope.freq_base": "rope_theta",
}
LAYER = {
    # tensor inside a block: name inside a layer of the native class
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
OUTSIDE = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}


@dataclass(frozen=True)
class Architecture:
    """How files of one architecture become a native model; `changes`: what to undo in a tensor.

    `facts` are tensors that are no weights but belong to the configuration.
    """

    model_type: str
    options: Mapping[str, str] = field(default_factory=lambda: OPTIONS)
    layer: Mapping[str, str] = field(default_factory=lambda: LAYER)
    changes: Mapping[str, Change] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    facts: tuple[str, ...] = ()


def uninterleaved(count: str) -> Change:
    """Rows of each head in the order of two halves, which ggml's rotation wants in pairs.

    `count`: the key of config.json with the number of heads in this matrix.
    """

    def change(value: Tensor, config: Mapping[str, Any]) -> Tensor:
        heads = config.get(count) or config["num_attention_heads"]
        pairs = value.reshape(heads, -1, 2, *value.shape[1:])
        return pairs.transpose(1, 2).reshape(value.shape)

    return change


def less_one(value: Tensor, config: Mapping[str, Any]) -> Tensor:
    """Gemma's norms multiply by one more than their weight; files hold the factor itself."""
    return value - 1


GEMMA_LAYER = {
    **LAYER,
    "post_attention_norm": "post_attention_layernorm",
    "ffn_norm": "pre_feedforward_layernorm",
    "post_ffw_norm": "post_feedforward_layernorm",
}
GEMMA_NORMS = ("attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm", "output_norm")
QK_NORMS = {"attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm"}

ARCHITECTURES: dict[str, Architecture] = {
    "llama": Architecture(
        "llama",
        {"rope.dimension_count": "head_dim", **OPTIONS},  # key_length counts where both stand
        changes={
            "attn_q": uninterleaved("num_attention_heads"),
            "attn_k": uninterleaved("num_key_value_heads"),
        },
        facts=(rope_factors.NAME,),
    ),
    "qwen2": Architecture("qwen2"),
    "qwen3": Architecture("qwen3", layer={**LAYER, **QK_NORMS}),
    "gemma2": Architecture(
        "gemma2",
        {
            **OPTIONS,
            "attention.sliding_window": "sliding_window",
            "attn_logit_softcapping": "attn_logit_softcapping",
            "final_logit_softcapping": "final_logit_softcapping",
        },
        GEMMA_LAYER,
        dict.fromkeys(GEMMA_NORMS, less_one),
    ),
}
PLAIN = (None, "none", 0, 0.0, 1.0)
REFUSED: dict[str, tuple[Any, ...]] = {
    # what changes the computation and is not read: the values that change nothing
    "rope.scaling.type": PLAIN,
    "rope.scaling.factor": PLAIN,
    "rope.scale_linear": PLAIN,
    "expert_count": PLAIN,
    "attention.causal": (None, True),
}
SPLIT = "split.count"
BIGGEST_GEMMA2 = 46
"""Layers of Gemma 2 27B, whose scale of attention stands in no key."""


def architecture_of(metadata: Metadata) -> Architecture:
    """The row of a file. Raises CheckpointError for one that is not read."""
    name = metadata.get("general.architecture")
    if not isinstance(name, str) or name not in ARCHITECTURES:
        raise CheckpointError(
            f"GGUF files of architecture {name!r} are not read; {', '.join(ARCHITECTURES)} are.",
            "general.architecture",
        )
    return ARCHITECTURES[name]


def config_of(metadata: Metadata, tied: bool) -> dict[str, Any]:
    """What config.json would say. Raises CheckpointError with the key at fault.

    `tied`: the file holds no output matrix of its own.
    """
    row, name = architecture_of(metadata), metadata["general.architecture"]
    _refuse(metadata, name)
    config: dict[str, Any] = {"model_type": row.model_type, "tie_word_embeddings": tied}
    for key, field_name in SIZES.items():
        config[field_name] = _number(metadata, f"{name}.{key}")
    for key, field_name in row.options.items():
        if f"{name}.{key}" in metadata:
            config[field_name] = _number(metadata, f"{name}.{key}")
    _refuse_partial_rotation(metadata, name, config)
    config["vocab_size"] = _vocabulary(metadata, name)
    for key, field_name in TOKENS.items():
        if key in metadata:
            config[field_name] = _number(metadata, key)
    return {**config, **row.fixed, "dtype": "bfloat16"}


TOKENS = {
    "tokenizer.ggml.bos_token_id": "bos_token_id",
    "tokenizer.ggml.eos_token_id": "eos_token_id",
    "tokenizer.ggml.padding_token_id": "pad_token_id",
}


def native_name(row: Architecture, name: str) -> str:
    """The name of a tensor in the native class; what nobody knows stays itself."""
    stem, _, suffix = name.rpartition(".")
    if stem in OUTSIDE:
        return f"{OUTSIDE[stem]}.{suffix}"
    parts = stem.split(".")
    if len(parts) == 3 and parts[0] == "blk" and parts[1].isdecimal() and parts[2] in row.layer:
        return f"model.layers.{int(parts[1])}.{row.layer[parts[2]]}.{suffix}"
    return name


def _refuse(metadata: Metadata, name: str) -> None:
    for key, plain in REFUSED.items():
        value = metadata.get(f"{name}.{key}")
        if value not in plain:
            raise CheckpointError(
                f"{name}.{key} is {str(value)[:40]!r}; such files are not read.", f"{name}.{key}"
            )
    if metadata.get(SPLIT, 0) not in (0, 1):
        raise CheckpointError(
            "The file is one part of several; join them with llama-gguf-split --merge.", SPLIT
        )
    if name == "gemma2" and metadata.get("gemma2.block_count") == BIGGEST_GEMMA2:
        raise CheckpointError("Gemma 2 27B is not read from GGUF.", "gemma2.block_count")


def _refuse_partial_rotation(metadata: Metadata, name: str, config: Mapping[str, Any]) -> None:
    """None of these classes turns a part of a head only."""
    key, heads = f"{name}.rope.dimension_count", config["num_attention_heads"]
    width = config.get("head_dim") or (config["hidden_size"] / heads if heads else None)
    if key in metadata and metadata[key] != width:
        raise CheckpointError(
            f"{key} is {str(metadata[key])[:40]}, not the {width} of a whole head.", key
        )


def _number(metadata: Metadata, key: str) -> int | float:
    value = metadata.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise CheckpointError(f"{key} is {str(value)[:40]!r}, not a number.", key)
    return value


def _vocabulary(metadata: Metadata, name: str) -> int:
    tokens = metadata.get("tokenizer.ggml.tokens")
    if not isinstance(tokens, list) or not tokens:
        raise CheckpointError("The file holds no vocabulary.", "tokenizer.ggml.tokens")
    stated = metadata.get(f"{name}.vocab_size", len(tokens))
    if stated != len(tokens):
        raise CheckpointError(
            f"{name}.vocab_size is {str(stated)[:40]}, but there are {len(tokens)} tokens.",
            f"{name}.vocab_size",
        )
    return len(tokens)
