"""Autoregressive models: one family for each row of `inference.causal_families`.

config.json is passed to the native class field by field, so that nothing but the fields that this
class declares, and the older names of rotary ones, has any effect.
"""

from __future__ import annotations

from dataclasses import fields
from functools import cache, partial
from typing import Any, get_args

import transformers
from torch import Tensor, nn
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

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
PARTIAL = ("gpt_neox", "phi", "phi3", "stablelm")
"""Families that turn a part of each head; the other native classes would turn whole ones."""
BY_LAYER = ("gemma3_text",)
"""Families whose `rope_parameters` stand under the kinds of layers; elsewhere they are not seen."""
SOFTCAPPED = ("gemma2",)
"""Scores of attention pass through tanh, which the fused kernels leave out."""
TURN_ENDS = ("<|im_end|>", "<|eot_id|>", "<end_of_turn>", "<|end|>", "<|endoftext|>")


@cache
def declared(config_class: str) -> dict[str, bool]:
    """Fields of a native configuration that describe the model, not how it is run.

    True for those in which null has a meaning (no window).
    """
    run = {field.name for field in fields(transformers.PreTrainedConfig)}
    own = {
        field.name: type(None) in get_args(field.type) or "None" in str(field.type)
        for field in fields(getattr(transformers, config_class))
        if field.name not in run
    }
    return own | dict.fromkeys(OLDER - set(own), False)


def native_config(row: CausalFamily, config: Config) -> dict[str, Any]:
    """Arguments of the native configuration. Raises CheckpointError for what is not supported."""
    for key in UNSUPPORTED:
        refuse(config, {key: False})
    known = declared(row.config)
    values = {
        key: value
        for key, value in config.items()
        if key in known and (value is not None or known[key])
    }
    _check_share(row, config)
    for key in ("rope_scaling", "rope_parameters"):
        if value := config.get(key):
            values[key] = _rotary(row, key, value)
    return values


def _rotary(row: CausalFamily, key: str, value: Any) -> dict[str, Any]:
    """What config.json says of the frequencies, their type by its present name.

    Raises CheckpointError for what the native class would not compute, or not see.
    """
    if not isinstance(value, dict):
        raise CheckpointError(f"config.json's {key} must be an object.", key)
    inner = [part for part in value.values() if isinstance(part, dict)]
    by_layer = row.model_type in BY_LAYER and key == "rope_parameters"
    if bool(inner) != by_layer:
        where = "must stand" if by_layer else "cannot stand"
        raise CheckpointError(f"config.json's {key} {where} under the kinds of layers.", key)
    for part in inner or [value]:
        _check_kind(key, part.get("rope_type") or part.get("type"))
        _check_share(row, part)
    kind = value.get("type")
    return {"rope_type": kind, **value} if kind else value


def _check_kind(key: str, kind: Any) -> None:
    """Raises CheckpointError for a type that there is not, and for frequencies that follow the
    longest sequence of a forward: in a shared one a row would depend on its neighbours, and on
    keys that are cached already.
    """
    if kind is None:
        return
    known = [name for name in ("default", *ROPE_INIT_FUNCTIONS) if name not in FOLLOWING]
    if kind not in known:
        raise CheckpointError(
            f"{key} of type {kind!r} is not read; {', '.join(dict.fromkeys(known))} are.", key
        )


def _check_share(row: CausalFamily, part: Config) -> None:
    share = part.get("partial_rotary_factor")
    if row.model_type not in PARTIAL and share not in (None, 1):
        raise CheckpointError(
            f"config.json has partial_rotary_factor = {share!r}; this family turns whole heads.",
            "partial_rotary_factor",
        )


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
