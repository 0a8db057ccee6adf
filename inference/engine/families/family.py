"""One row of the family table: how a checkpoint of some architecture becomes a native model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from inference.engine.errors import CheckpointError
from inference.engine.families.layout import Rule
from inference.engine.families.rotations import rotations
from inference.engine.families.spec import ModelSpec
from inference.engine.families.values import Config, TokenLookup

Body = Callable[..., Tensor]
Head = Callable[[nn.Module, Tensor], Tensor]


def decoder_body(
    model: nn.Module,
    ids: Tensor,
    mask: Tensor | None = None,
    positions: Tensor | None = None,
    cache: Any = None,
) -> Tensor:
    """Hidden states [B, L, d] after the final norm of a native decoder."""
    inner: Any = model.model
    if mask is None and walkable(model):
        return _walked(inner, ids, positions, cache)
    output = inner(
        input_ids=ids,
        attention_mask=mask,
        position_ids=positions,
        past_key_values=cache,
        use_cache=cache is not None,
    )
    hidden: Tensor = output.last_hidden_state
    return hidden


def walkable(model: nn.Module) -> bool:
    """Whether everything sees everything in each layer, and nothing hangs on the body itself.

    Without a mask, what is evaluated then sees all that its cache holds.
    """
    inner: Any = model.model
    windows = getattr(inner, "has_sliding_layers", False)
    return not (inner.config.is_causal or windows or hasattr(inner, "_hf_hook"))


def _walked(inner: Any, ids: Tensor, positions: Tensor | None = None, cache: Any = None) -> Tensor:
    """The native layers one after the other.

    The same numbers as the body's own forward, which spends some 5 % of a small model's time on
    masks and recording that nobody asked for.
    """
    hidden: Tensor = inner.embed_tokens(ids)
    places, rotary = rotations(inner.rotary_emb, hidden, positions)
    given = {"position_embeddings": rotary, "position_ids": places, "past_key_values": cache}
    for layer in inner.layers:
        hidden = layer(hidden, **given, use_cache=cache is not None, is_causal=False)
    return inner.norm(hidden)  # type: ignore[no-any-return]


def decoder_head(model: nn.Module, hidden: Tensor) -> Tensor:
    """Logits [..., V] of hidden states [..., d]."""
    project: Any = model.lm_head
    logits: Tensor = project(hidden)
    return logits


@dataclass(frozen=True)
class Family:
    """`native_config` turns the checkpoint's config.json into keyword arguments of `config_class`.

    `spec` is given config.json and a function token text → id (None when there is no such token).
    `ignored` are patterns of checkpoint keys that carry nothing (old rotary buffers). A forward is
    `body` (ids to hidden states) and `head` (hidden states of the wanted rows to logits).
    `bidirectional` switches causal masking off in a class that has it. `own_masks`: whether a
    forward takes a cache and a visibility other than the model's. `experts_apart`: whether
    checkpoints hold matrices for each expert, which the native class stacks. `attention` names the
    implementation in transformers; `eager` where a model does what `sdpa` cannot.
    """

    name: str
    model_types: tuple[str, ...]
    architectures: tuple[str, ...]
    config_class: str
    model_class: str
    native_config: Callable[[Config], dict[str, Any]]
    spec: Callable[[Config, TokenLookup], ModelSpec]
    rules: Callable[[Config], Sequence[Rule]] = field(default=lambda config: ())
    ignored: tuple[str, ...] = (r".*rotary_emb\.inv_freq",)
    bidirectional: bool = True
    own_masks: bool = True
    experts_apart: bool = False
    attention: str = "sdpa"
    body: Body = decoder_body
    head: Head = decoder_head

    def matches(self, config: Config) -> bool:
        """Whether config.json names this family by architecture or by model type."""
        if _architectures(config) & set(self.architectures):
            return True
        return config.get("model_type") in self.model_types


def _architectures(config: Config) -> set[str]:
    names = config.get("architectures") or ()
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise CheckpointError(
            "config.json's architectures must be a list of names.", "architectures"
        )
    return set(names)
