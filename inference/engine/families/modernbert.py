"""dllm's ModernBERT chat models: a masked language model as it is, with LLaDA's decoding.

Source: ZHZisZZ/dllm; weights dllm-hub/ModernBERT-base-chat-v0.1, -large-chat-v0.1.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from inference.engine.errors import InputError
from inference.engine.families.family import Family
from inference.engine.families.rotary import check_rotary
from inference.engine.families.spec import ModelSpec
from inference.engine.families.values import (
    Config,
    TokenLookup,
    mask_id,
    refuse,
    required,
    special_id,
)

LAYERS = ("full_attention", "sliding_attention")
# facts about the file, not about the model
NOISE = {"architectures", "auto_map", "dtype", "model_type", "torch_dtype", "transformers_version"}
NOISE |= {"mask_token_id", "_name_or_path"}


def native_config(config: Config) -> dict[str, Any]:
    check_rotary(config, LAYERS)
    refuse(config, {"partial_rotary_factor": 1})
    values = {key: value for key, value in config.items() if key not in NOISE}
    if scaling := values.pop("rope_scaling", None):  # the class looks at the newer name alone
        values["rope_parameters"] = scaling
    return {**values, "reference_compile": False}


def spec(config: Config, lookup: TokenLookup) -> ModelSpec:
    return ModelSpec(
        family="modernbert",
        vocab_size=required(config, "vocab_size"),
        context=required(config, "max_position_embeddings"),
        mask_id=mask_id(config, lookup, "[MASK]"),
        eos_id=special_id(config, "sep_token_id", lookup, "[SEP]"),
        pad_id=special_id(config, "pad_token_id", lookup, "[PAD]"),
        bos_id=special_id(config, "cls_token_id", lookup, "[CLS]"),
    )


def body(
    model: nn.Module,
    ids: Tensor,
    mask: Tensor | None = None,
    positions: Tensor | None = None,
    cache: Any = None,
) -> Tensor:
    """Final hidden states [B, L, d] of ids [B, L], in the model's dtype.

    `mask` [B, L] holds 0 for padding. Raises InputError for a cache or a mask [B, 1, L, L]: the
    encoder has no cache, and its local layers make their own masks.
    """
    if cache is not None or (mask is not None and mask.dim() == 4):
        raise InputError(
            "This model family supports neither caches nor masks of its own.", "recipe"
        )
    inner: Any = model.model
    output = inner(input_ids=ids, attention_mask=mask, position_ids=positions)
    hidden: Tensor = output.last_hidden_state
    return hidden


def head(model: nn.Module, hidden: Tensor) -> Tensor:
    """Logits [..., V] of hidden states [..., d]: prediction head, then decoder."""
    transform: Any = model.head
    project: Any = model.decoder
    logits: Tensor = project(transform(hidden))
    return logits


FAMILY = Family(
    name="modernbert",
    model_types=("modernbert",),
    architectures=("ModernBertForMaskedLM",),
    config_class="ModernBertConfig",
    model_class="ModernBertForMaskedLM",
    native_config=native_config,
    spec=spec,
    body=body,
    own_masks=False,
    head=head,
)
