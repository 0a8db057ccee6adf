"""Checks of the values of config.json, made before anything is built from it.

The native classes take any number: ten thousand layers cost them gigabytes, and nobody can
interrupt them, before the first weight is asked for. A base of 0 or a context of -5 even loads.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from inference.engine.errors import CheckpointError
from inference.engine.families.family import Family
from inference.engine.families.values import Config

MOST_LAYERS = 1000
"""Several times what any published model has."""
LAYERS = ("n_layers", "num_hidden_layers")
RANGES: dict[str, tuple[type, float, str]] = {
    # key: the kind of number, which is above 0, the most it may be, and both in words
    "rope_theta": (float, math.inf, "a positive number"),
    "rms_norm_eps": (float, 1, "a number above 0, at most 1"),
    "partial_rotary_factor": (float, 1, "a share above 0, at most 1"),
    "max_sequence_length": (int, math.inf, "a positive whole number"),
    "max_position_embeddings": (int, math.inf, "a positive whole number"),
}
SIZES = (
    *("vocab_size", "embedding_size", "hidden_size", "d_model", "intermediate_size"),
    *("mlp_hidden_size", "num_attention_heads", "n_heads", "num_hidden_layers", "n_layers"),
)
RANGES |= dict.fromkeys(SIZES, (int, math.inf, "a positive whole number"))
CHOICES = {
    # how many are chosen: of how many
    "num_experts_per_tok": ("num_experts", "num_local_experts", "n_routed_experts"),
    "top_k_experts": ("num_experts",),
    "topk_group": ("n_group",),
}
"""A router that is to choose more than there are fails in every forward."""


def check_values(config: Config) -> None:
    """Raises CheckpointError for a number that makes no sense, naming its key."""
    for part in _objects(config):
        for key, (kind, most, wanted) in RANGES.items():
            value = part.get(key)
            if value is not None and not _within(value, kind, most):
                raise CheckpointError(f"config.json has {key} = {value!r}, not {wanted}.", key)
        _check_choices(part)


def _check_choices(part: Config) -> None:
    for key, totals in CHOICES.items():
        chosen = part.get(key)
        for total in totals:
            there = part.get(total) or None  # 0: a model without experts
            if isinstance(chosen, int) and isinstance(there, int) and not 0 < chosen <= there:
                raise CheckpointError(
                    f"config.json has {key} = {chosen!r} of {total} = {there!r}.", key
                )


def check_counts(family: Family, config: Config, tensors: int) -> None:
    """Raises CheckpointError for more layers or experts than so many tensors can stand for."""
    for part in _objects(config):
        for key in LAYERS:
            _at_most(part, key, min(tensors, MOST_LAYERS))
    if family.experts_apart:
        _at_most(config, "num_experts", tensors // max(1, _layers_of_experts(config)))


def _at_most(part: Config, key: str, most: int) -> None:
    value = part.get(key)
    if isinstance(value, int) and value > most:
        raise CheckpointError(
            f"config.json has {key} = {value}, but these weights can hold {most} at most.", key
        )


def _layers_of_experts(config: Config) -> int:
    """How many layers have matrices of their own for each expert."""
    layers, dense = config.get("num_hidden_layers"), config.get("first_k_dense_replace") or 0
    return layers - dense if isinstance(layers, int) and isinstance(dense, int) else 0


def _within(value: Any, kind: type, most: float) -> bool:
    if type(value) not in (kind, int):  # JSON writes a whole number either way; a bool is none
        return False
    return bool(0 < value <= most and value != math.inf)  # never true of NaN


def _objects(config: Config) -> Iterator[Config]:
    """The object and all inside it (text_config, rope_parameters), however deep."""
    waiting = [config]
    while waiting:
        part = waiting.pop()
        yield part
        waiting += [value for value in part.values() if isinstance(value, Mapping)]
