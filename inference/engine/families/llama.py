"""Llama models turned from left-to-right to diffusion: dllm's, and this project's SmolLM2 twin.

`block_llama` is what `train_diffusion --from` writes: predictions shifted by one as in the parent,
blocks counted from position 0. dllm's `a2d-llama` predicts in place and sees everything.

Source: ZHZisZZ/dllm (a2d-llama).
"""

from __future__ import annotations

from typing import Any

from inference.engine.errors import CheckpointError
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
    required,
    special_id,
)

OWN = "block_llama"
CHOICES = {"predict": ("same", "shifted"), "attention": ("full", "block")}


def spec(config: Config, lookup: TokenLookup) -> ModelSpec:
    """Raises CheckpointError for blocks without a size."""
    own = config.get("model_type") == OWN
    block = natural(config, "block_size")
    predict = _choice(config, "predict", "shifted" if own else "same")
    attention = _choice(config, "attention", "block" if block else "full")
    if attention == "block" and block is None:
        raise CheckpointError("config.json has no 'block_size'.", "block_size")
    return ModelSpec(
        family="llama",
        vocab_size=required(config, "vocab_size"),
        context=required(config, "max_position_embeddings"),
        mask_id=mask_id(config, lookup, "<|mask|>", "<|mdm_mask|>"),
        **eos_ids(config, lookup, "<|endoftext|>"),
        eot_id=lookup("<|im_end|>"),
        pad_id=special_id(config, "pad_token_id", lookup, "<|endoftext|>"),
        bos_id=special_id(config, "bos_token_id", lookup),
        predict=predict,  # type: ignore[arg-type]
        attention=attention,  # type: ignore[arg-type]
        block_size=block if attention == "block" else None,
        length="blocks" if attention == "block" else "fixed",
        chat="jinja",
        barred=_barred(config),
    )


def _choice(config: Config, key: str, usual: str) -> str:
    value = config.get(key, usual)
    if value not in CHOICES[key]:
        raise CheckpointError(
            f"{key} is {str(value)[:40]!r}; {' or '.join(CHOICES[key])} is read.", key
        )
    return str(value)


def _barred(config: Config) -> tuple[int, ...]:
    """Tokens that the model was never to write: markers that its parent never saw."""
    value, size = config.get("barred_token_ids", []), required(config, "vocab_size")
    if not isinstance(value, list) or any(type(t) is not int or not 0 <= t < size for t in value):
        raise CheckpointError(
            "barred_token_ids must be a list of ids of the vocabulary.", "barred_token_ids"
        )
    return tuple(value)


def native_config(config: Config) -> dict[str, Any]:
    refuse(config, {"hidden_act": "silu"})
    width = required(config, "hidden_size") // required(config, "num_attention_heads")
    return {
        **body(config),
        "head_dim": natural(config, "head_dim") or width,
        "attention_bias": flag(config, "attention_bias"),
        "mlp_bias": flag(config, "mlp_bias"),
    }


FAMILY = Family(
    name="llama",
    model_types=("a2d-llama", OWN),
    architectures=("A2DLlamaLMHeadModel",),
    config_class="LlamaConfig",
    model_class="LlamaForCausalLM",
    native_config=native_config,
    spec=spec,
)
