"""Values of config.json read with their types: a wrong one is refused by its key.

JSON written by hand has "false" and "128" in quotes; Python would take the one for true and the
other for a number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from inference.engine.errors import CheckpointError

Config = Mapping[str, Any]
TokenLookup = Callable[[str], int | None]


def required(config: Config, key: str) -> Any:
    """A value of config.json. Raises CheckpointError naming the key when it is not there."""
    value = config.get(key)
    if value is None:
        raise CheckpointError(f"config.json has no {key!r}.", key)
    return value


def stated(config: Config, key: str, default: Any) -> Any:
    """A value of config.json; null says as little as a missing key."""
    value = config.get(key)
    return default if value is None else value


def flag(config: Config, key: str, default: bool = False) -> bool:
    """A truth value; `default` when it is missing or null. Raises CheckpointError."""
    value = config.get(key)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise CheckpointError(f"config.json has {key} = {value!r}, not true or false.", key)
    return value


def natural(config: Config, key: str) -> int | None:
    """A whole number above 0, None when it is missing, null or 0. Raises CheckpointError."""
    value = config.get(key)
    if value is None or (value == 0 and not isinstance(value, bool)):
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise CheckpointError(f"config.json has {key} = {value!r}, not a positive number.", key)
    return value


def refuse(config: Config, values: Mapping[str, Any]) -> None:
    """Raises CheckpointError for the first key whose value differs from the supported one.

    A key that is missing or null says nothing.
    """
    for key, supported in values.items():
        found = config.get(key)
        if found is not None and found != supported:
            raise CheckpointError(
                f"config.json has {key} = {found!r}; this family is supported with {supported!r}.",
                key,
            )


def refuse_windows(config: Config) -> None:
    """Raises CheckpointError where some layers see a window only: here every layer sees all."""
    layers = config.get("layer_types")
    kinds = layers if isinstance(layers, list) else [] if layers is None else [layers]
    if config.get("use_sliding_window") or any(kind != "full_attention" for kind in kinds):
        key = "use_sliding_window" if config.get("use_sliding_window") else "layer_types"
        raise CheckpointError(
            f"config.json has {key} = {config[key]!r}; this family is supported with full "
            "attention in every layer.",
            key,
        )


def special_ids(config: Config, key: str) -> tuple[int, ...]:
    """The ids that config.json names under a key: one, a list of them, or none.

    Raises CheckpointError for what is no id.
    """
    value = config.get(key)
    ids = value if isinstance(value, list) else [] if value is None else [value]
    for one in ids:
        if not isinstance(one, int) or isinstance(one, bool):
            raise CheckpointError(f"config.json has {key} = {value!r}, not a token id.", key)
    return tuple(ids)


def special_id(config: Config, key: str, lookup: TokenLookup, *tokens: str) -> int | None:
    """A special id: from config.json, else the first of these tokens that the tokenizer has."""
    ids = special_ids(config, key)
    if ids:
        return ids[0]
    found = (lookup(token) for token in tokens)
    return next((token_id for token_id in found if token_id is not None), None)


def eos_ids(config: Config, lookup: TokenLookup, *tokens: str) -> dict[str, Any]:
    """The spec's `eos_id` and `other_eos_ids`: eos_token_id is one id or a list of them."""
    ids = special_ids(config, "eos_token_id")
    first = special_id(config, "eos_token_id", lookup, *tokens)
    return {"eos_id": first, "other_eos_ids": ids[1:]}


def mask_id(config: Config, lookup: TokenLookup, *tokens: str) -> int:
    """The id of the mask token. Raises CheckpointError: masked diffusion cannot do without one."""
    value = special_id(config, "mask_token_id", lookup, *tokens)
    if value is None:
        raise CheckpointError(
            "No mask token: config.json has no mask_token_id and the tokenizer none of "
            f"{', '.join(tokens)}.",
            "mask_token_id",
        )
    return value
