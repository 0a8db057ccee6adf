"""Rotary position embeddings: config.json's `rope_parameters` or `rope_scaling`, checked by key.

transformers 5 writes all of it as `rope_parameters` (type, theta and share of each head included);
older files have `rope_scaling` beside a `rope_theta` of its own. Both are read here, and what the
native classes compute is handed on; any other type is refused, because a scaling that is dropped
in silence gives other logits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from inference.engine.errors import CheckpointError
from inference.engine.families.values import Config

KEYS = ("rope_parameters", "rope_scaling")
ALWAYS = ("rope_type", "type", "rope_theta", "partial_rotary_factor")
Types = dict[str, tuple[tuple[str, ...], tuple[str, ...]]]
TYPES: Types = {
    # type: what it needs, what it may have besides (YaRN: arXiv 2309.00071, llama3: Llama 3.1)
    "default": ((), ()),
    "linear": (("factor",), ()),
    "llama3": (("factor", "low_freq_factor", "high_freq_factor"), ()),
    "yarn": (
        ("factor",),
        ("attention_factor", "beta_fast", "beta_slow", "mscale", "mscale_all_dim", "truncate"),
    ),
}
PER_LAYER = {**TYPES, "proportional": ((), ("factor",))}
"""Of classes that read their parameters by kind of layer (DiffusionGemma's full attention)."""
LIMITED = ("llama3", "yarn")
"""Types that know the length of the texts before scaling; by default the model's context."""
ORIGINAL = "original_max_position_embeddings"
THETA = 10000.0


def rotary(config: Config, share: float | None = None, theta: float = THETA) -> dict[str, Any]:
    """`rope_parameters` as the native configs take them, from config.json.

    `share`: the part of each head that turns if config.json names none; None for a class that
    turns whole heads. `theta`: the base if config.json names none. Raises CheckpointError naming
    the key for a type or a value that the native class would not compute.
    """
    key, found = _stated(config)
    kind = _type_of(key, found)
    values = _known(key, kind, found)
    if kind in LIMITED and ORIGINAL not in values and config.get(ORIGINAL) is not None:
        values[ORIGINAL] = _sound(ORIGINAL, config[ORIGINAL])
    base = found.get("rope_theta") or config.get("rope_theta") or theta
    made = {**values, "rope_type": kind, "rope_theta": _positive("rope_theta", base)}
    factor = found.get("partial_rotary_factor", config.get("partial_rotary_factor"))
    if share is None and factor not in (None, 1, 1.0):
        raise CheckpointError(
            f"config.json has partial_rotary_factor = {factor!r}; this family turns whole heads.",
            "partial_rotary_factor",
        )
    return made if share is None else {**made, "partial_rotary_factor": factor or share}


def check_rotary(config: Config, inner: tuple[str, ...] = ()) -> None:
    """Raises CheckpointError for a type that no native class computes, for classes that read
    config.json themselves. `inner`: kinds of layers under which they look for parameters of
    their own; in any other place they would not see them.
    """
    for key in KEYS:
        stated = config.get(key)
        if stated is None or stated == {}:
            continue
        if not isinstance(stated, Mapping):
            raise CheckpointError(f"config.json's {key} must be an object.", key)
        parts = [part for name in inner if isinstance(part := stated.get(name), Mapping)]
        for part in parts or [stated]:
            kind = _type_of(key, part, PER_LAYER)
            _known(key, kind, part, PER_LAYER)
            if inner and not parts and kind != "default":
                raise CheckpointError(
                    f"config.json's {key} must stand under {' and '.join(inner)}.", key
                )


def _stated(config: Config) -> tuple[str, Config]:
    """The key that says most and its object; as in transformers, rope_scaling stands above."""
    for key in reversed(KEYS):
        found = config.get(key)
        if found is not None and not isinstance(found, Mapping):
            raise CheckpointError(f"config.json's {key} must be an object.", key)
        if found:
            return key, found
    return KEYS[0], {}


def _type_of(key: str, found: Config, types: Types = TYPES) -> str:
    kind = found.get("rope_type", found.get("type", "default"))
    if not isinstance(kind, str) or kind not in types:
        raise CheckpointError(
            f"config.json's {key} is of type {kind!r}; supported are {', '.join(types)}.", key
        )
    return kind


def _known(key: str, kind: str, found: Config, types: Types = TYPES) -> dict[str, Any]:
    """The values that this type reads; a missing, unknown or senseless one is named."""
    needed, possible = types[kind]
    if kind in LIMITED:
        possible = (*possible, ORIGINAL)
    if missing := [name for name in needed if found.get(name) is None]:
        raise CheckpointError(f"config.json's {key} of type {kind!r} has no {missing[0]}.", key)
    given = {name: value for name, value in found.items() if value is not None}
    unread = sorted(set(given) - set(needed) - set(possible) - set(ALWAYS))
    if unread:
        raise CheckpointError(
            f"config.json's {key} has {unread[0]}, which type {kind!r} does not read.", key
        )
    return {name: _sound(name, given[name]) for name in (*needed, *possible) if name in given}


def _sound(name: str, value: Any) -> Any:
    if name == "truncate":
        if not isinstance(value, bool):
            raise CheckpointError(f"config.json has {name} = {value!r}, not true or false.", name)
        return value
    number = _positive(name, value)
    if name == ORIGINAL and number != int(number):
        raise CheckpointError(f"config.json has {name} = {value!r}, not a whole number.", name)
    return int(number) if name == ORIGINAL else number


def _positive(name: str, value: Any) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 < value < math.inf:
        raise CheckpointError(f"config.json has {name} = {value!r}, not a positive number.", name)
    return float(value)
