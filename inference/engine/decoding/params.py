"""Every parameter of every recipe: its kind, range and plain default, in one table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from ..errors import InputError


@dataclass(frozen=True)
class Params:
    """Parameters of a run; each recipe names the ones that it reads and its own defaults.

    `steps` None = one token a step; `block_length` None = one block; `top_k` 0 and `top_p` 1 = off;
    `temperature` 0 = the most likely token. `official` reproduces faults of the published code.
    """

    steps: int | None = None
    block_length: int | None = None
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    cfg_scale: float = 0.0
    logits_eos_inf: bool = False
    confidence_eos_eot_inf: bool = False
    eos_last: bool = False
    stop_at_end: bool = False
    tokens_per_step: int = 1
    threshold: float = 0.9
    factor: float = 1.0
    gamma: float = 0.1
    alg_temp: float = 0.0
    eps: float = 1e-3
    expand_budget: int | None = None
    max_new_tokens: int | None = None
    pad_delete_to_right: bool = False
    edit_threshold: float = 0.9
    max_post_steps: int = 16
    kl_threshold: float = 0.01
    kl_steps: int = 2
    eta: float = 0.02
    remask_on: float = 0.55
    remask_off: float = 0.05
    draft_threshold: float = 0.6
    verify_threshold: float = 0.9
    t_max: float = 0.8
    t_min: float = 0.4
    stop_entropy: float = 0.005
    official: bool = False


RANGES: dict[str, tuple[float, float]] = {
    "steps": (1, 65536),
    "block_length": (1, 1024),
    "temperature": (0.0, 10.0),
    "top_p": (0.01, 1.0),
    "top_k": (0, 2_000_000),
    "cfg_scale": (0.0, 10.0),
    "tokens_per_step": (1, 1024),
    "threshold": (0.0, 1.0),
    "factor": (0.0, 1024.0),
    "gamma": (0.0, 100.0),
    "alg_temp": (0.0, 100.0),
    "eps": (1e-6, 0.5),
    "expand_budget": (0, 65536),
    "max_new_tokens": (1, 65536),
    "edit_threshold": (0.0, 1.0),
    "max_post_steps": (0, 1024),
    "kl_threshold": (0.0, 100.0),
    "kl_steps": (1, 8),
    "eta": (0.0, 1.0),
    "remask_on": (0.0, 1.0),
    "remask_off": (0.0, 1.0),
    "draft_threshold": (0.0, 1.0),
    "verify_threshold": (0.0, 1.0),
    "t_max": (0.0, 10.0),
    "t_min": (0.0, 10.0),
    "stop_entropy": (0.0, 100.0),
}
FLAGS = {field.name for field in fields(Params) if isinstance(field.default, bool)}
WHOLE = {field.name for field in fields(Params) if "int" in str(field.type)}
COMMON = ("cfg_scale", "logits_eos_inf", "eos_last", "stop_at_end")
"""What the loop itself reads, whatever the recipe."""
OPTIONAL = {field.name for field in fields(Params) if "None" in str(field.type)}


def checked(
    values: Mapping[str, Any], defaults: Mapping[str, Any], uses: Sequence[str] | None = None
) -> Params:
    """Params from a recipe's defaults and a request's values.

    `uses`: what the recipe reads (None: anything). Raises InputError with the field, also for a
    parameter that would do nothing; published variants read what they read, where there is one.
    """
    for name, value in values.items():
        _check(name, value)
    if uses is not None:
        _refuse_unused(["official"] if values.get("official") else list(values), uses)
    return replace(Params(), **{**defaults, **values})


def _refuse_unused(names: Sequence[str], uses: Sequence[str]) -> None:
    for name in names:
        if name not in (*uses, *COMMON):
            own = ", ".join(uses)
            raise InputError(f"This recipe has no parameter {name!r}. It has: {own}.", name)


def _check(name: str, value: Any) -> None:
    if name in FLAGS:
        if not isinstance(value, bool):
            raise InputError(f"{name} must be true or false.", name)
        return
    if name not in RANGES:
        raise InputError(f"Unknown parameter {name!r}.", name)
    if value is None and name in OPTIONAL:
        return
    low, high = RANGES[name]
    kinds = (int,) if name in WHOLE else (int, float)
    right_kind = isinstance(value, kinds) and not isinstance(value, bool)
    if not right_kind or not math.isfinite(value) or not low <= value <= high:
        raise InputError(f"{name} must be {low} to {high}.", name)
