"""Autoregressive models: one family for each row of `inference.causal_families`.

config.json is passed to the native class field by field, so that nothing but the fields that this
class declares, and the older names of rotary ones, has any effect.
"""

from __future__ import annotations

from dataclasses import fields
from functools import cache, partial
from typing import Any

import transformers
from torch import Tensor, nn

from inference.causal_families import CAUSAL_FAMILIES, CausalFamily
from inference.engine.errors import CheckpointError
from inference.engine.families.family import Family
from inference.engine.families.layout import renames
from inference.engine.families.spec import ModelSpec
from inference.engine.families.values import Config, TokenLookup, eos_ids, refuse, special_id

OLDER = frozenset(
    {"rope_theta", "rope_scaling", "partial_rotary_factor", "rope_local_base_freq"}
    | {"rotary_pct", "rotary_emb_base", "sliding_window_pattern", "n_ctx"}
)
"""What configs of earlier versions of transformers call parts of `rope_parameters` and others."""
UNSUPPORTED = (
    "add_cross_attention", "is_encoder_decoder", "quantization_config",
    "use_bidirectional_attention",
)  # fmt: skip
"""What must not be there, or be false: it would make another computation of it."""
RENAMED = {"gpt_neox": {"lm_head.weight": "embed_out.weight"}}
"""Names in published files that the native class has changed since."""
IGNORED = (
    r".*rotary_emb\.inv_freq",
    r".*(attn|attention)\.(masked_)?bias",  # the triangle that older files keep as a buffer
)
FOLLOWING = ("dynamic", "longrope")
SOFTCAPPED = ("gemma2",)
"""Scores of attention pass through tanh, which the fused kernels leave out."""
TURN_ENDS = ("<|im_end|>", "<|eot_id|>", "<end_of_turn>", "<|end|>", "<|endoftext|>")


@cache
def declared(config_class: str) -> frozenset[str]:
    """Fields of a native configuration that describe the model, not how it is run."""
    own = {field.name for field in fields(getattr(transformers, config_class))}
    return frozenset(own - {field.name for field in fields(transformers.PreTrainedConfig)}) | OLDER


def native_config(row: CausalFamily, config: Config) -> dict[str, Any]:
    """Arguments of the native configuration. Raises CheckpointError for what is not supported."""
    for key in UNSUPPORTED:
        refuse(config, {key: False})
    for key in ("rope_scaling", "rope_parameters"):
        _check_rotary(key, config.get(key))
    return {key: value for key, value in config.items() if key in declared(row.config)}


def _check_rotary(key: str, value: Any) -> None:
    """Raises CheckpointError for frequencies that follow the longest sequence of a forward.

    In a shared one a row would then depend on its neighbours, and on keys that are cached already.
    """
    parts = [value, *value.values()] if isinstance(value, dict) else []
    for part in parts:
        kind = (part.get("rope_type") or part.get("type")) if isinstance(part, dict) else None
        if kind in FOLLOWING:
            raise CheckpointError(f"{key} of type {kind} is not read.", key)


def spec(row: CausalFamily, config: Config, lookup: TokenLookup) -> ModelSpec:
    native = getattr(transformers, row.config)(**native_config(row, config))
    ends = (lookup(token) for token in TURN_ENDS)
    return ModelSpec(
        family=row.model_type,
        vocab_size=native.vocab_size,
        context=native.max_position_embeddings,
        mask_id=None,
        **eos_ids(config, lookup, "<|endoftext|>", "</s>", "<eos>"),
        eot_id=next((token for token in ends if token is not None), None),
        pad_id=special_id(config, "pad_token_id", lookup),
        bos_id=special_id(config, "bos_token_id", lookup),
        predict="shifted",
        attention="causal",
        chat="jinja",
    )


def body(
    model: nn.Module,
    ids: Tensor,
    mask: Tensor | None = None,
    positions: Tensor | None = None,
    cache: Any = None,
) -> Tensor:
    """Hidden states [B, L, d] after the final norm."""
    inner: Any = model.base_model
    output = inner(
        input_ids=ids,
        attention_mask=mask,
        position_ids=positions,
        past_key_values=cache,
        use_cache=cache is not None,
    )
    hidden: Tensor = output.last_hidden_state
    return hidden


def _family(row: CausalFamily) -> Family:
    return Family(
        name=row.model_type,
        model_types=(row.model_type,),
        architectures=(),
        config_class=row.config,
        model_class=row.architecture,
        native_config=partial(native_config, row),
        spec=partial(spec, row),
        rules=lambda config: renames(RENAMED.get(row.model_type, {})),
        ignored=IGNORED,
        bidirectional=False,
        attention="eager" if row.model_type in SOFTCAPPED else "sdpa",
        body=body,
    )


FAMILIES: dict[str, Family] = {name: _family(row) for name, row in CAUSAL_FAMILIES.items()}
