"""A model that was trained on a text, as a directory that the general loader reads."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor

from inference.engine.corpora.bpe import END, MASK
from inference.engine.training.export import SIDECAR, llada_config, write_json
from inference.engine.training.model import MaskPredictor, Shape
from inference.engine.training.texts.card import readme

LLAMA = (
    (r"^model\.transformer\.wte\.", "model.embed_tokens."),
    (r"^model\.transformer\.ln_f\.", "model.norm."),
    (r"^model\.transformer\.ff_out\.", "lm_head."),
    (r"^model\.transformer\.blocks\.", "model.layers."),
    (r"\.attn_norm\.", ".input_layernorm."),
    (r"\.([qkv]_proj)\.", r".self_attn.\1."),
    (r"\.attn_out\.", ".self_attn.o_proj."),
    (r"\.ff_norm\.", ".post_attention_layernorm."),
    (r"\.ff_proj\.", ".mlp.gate_proj."),
    (r"\.up_proj\.", ".mlp.up_proj."),
    (r"\.ff_out\.", ".mlp.down_proj."),
)
"""From LLaDA's key names to those of transformers' LlamaForCausalLM, in this order."""


def llama_name(key: str) -> str:
    """The native name of a weight of a causal model."""
    for pattern, name in LLAMA:
        key = re.sub(pattern, name, key)
    return key


def llama_config(shape: Shape) -> dict[str, Any]:
    """config.json in Llama's own terms."""
    return {
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
        "hidden_size": shape.width,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.heads,
        "intermediate_size": shape.mlp_width,
        "vocab_size": shape.vocab_size,
        "max_position_embeddings": shape.context,
        "rms_norm_eps": shape.norm_eps,
        "rope_theta": shape.rope_theta,
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": False,
        "bos_token_id": None,
        "eos_token_id": shape.end_id,
        "torch_dtype": "bfloat16",
    }


def tokenizer_config(context: int, causal: bool) -> dict[str, Any]:
    """tokenizer_config.json for transformers' fast tokenizer."""
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "add_bos_token": False,
        "eos_token": END,
        "pad_token": END,
        **({} if causal else {"mask_token": MASK}),
        "model_max_length": context,
        "clean_up_tokenization_spaces": False,
    }


def export(folder: Path, model: MaskPredictor, tokenizer: Tokenizer, card: dict[str, Any]) -> None:
    """Write configuration, weights in bfloat16, tokenizer, sidecar and README into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    shape = model.shape
    save_file(weights_of(model), folder / "model.safetensors", metadata={"format": "pt"})
    config = llama_config(shape) if shape.causal else llada_config(shape)
    write_json(folder / "config.json", config)
    write_json(folder / "tokenizer_config.json", tokenizer_config(shape.context, shape.causal))
    write_json(folder / SIDECAR, card)
    (folder / "README.md").write_text(readme(card), encoding="utf-8")
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "model.safetensors").chmod(0o644)


def weights_of(model: MaskPredictor) -> dict[str, Tensor]:
    """The weights in bfloat16 under the names of the family that serves them."""
    named = model.state_dict().items()
    return {
        llama_name(key) if model.shape.causal else key: value.detach()
        .to("cpu", torch.bfloat16)
        .contiguous()
        for key, value in named
    }
