"""The parameters of a run as values, checked against the catalogue's table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from inference.catalog import PARAMETERS, Parameter
from inference.engine.errors import InputError


@dataclass(frozen=True)
class Params:
    """Parameters of a run; `inference.catalog` says what each means, its range and who reads it.

    The plain defaults stand here once more, for the type checker; a test holds them together.
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
    klass_unmask: str = "all"
    remdm_form: str = "cap"
    eta: float = 0.02
    loop_alpha: float = 0.9
    remask_on: float = 0.55
    remask_off: float = 0.05
    draft_threshold: float = 0.6
    verify_threshold: float = 0.9
    t_max: float = 0.8
    t_min: float = 0.4
    stop_entropy: float = 0.005
    credit_alpha: float = 0.7
    credit_gamma: float = 0.2
    credit_decay: float = 0.8
    low_threshold: float = 0.4
    answer_start: int | None = None
    gap_early: float = 7.5
    gap_mid: float = 5.0
    gap_late: float = 2.5
    pc_lambda: float = 0.25
    pc_alpha: float = 10.0
    loop_start: float = 0.875
    loop_steps: int = 32
    loop_tokens: int = 1
    p2_eta: float = 1.0
    p2_kappa: str = "linear"
    eos_check: int = 32
    eos_grow: float = 0.5
    eos_expand: float = 0.9
    expansion_factor: int = 8
    window_masks: int = 32
    window_length: int | None = None
    refresh_count: int = 16
    cache_delay: int = 0
    explore_steps: int = 6
    reach_threshold: float = 0.3
    stable_window: int = 2
    stable_deviation: float = 1.0
    candidates: int = 8
    position_temperature: float = 0.2
    info_form: str = "info_gain"
    beam_size: int = 2
    core_every: int = 8
    core_candidates: int = 32
    core_revisions: int = 1
    core_form: str = "core"
    draft_steps: int = 4
    draft_width: int = 8
    draft_by: str = "number"
    draft_ahead: bool = False
    leap_radius: int = 4
    relaxed_threshold: float = 0.75
    saber_least: int = 2
    saber_per: int = 8
    a_cfg_share: float = 0.3
    rho_low: float = 0.4
    rho_high: float = 0.6
    rho_steps: int = 64
    block_steps: int | None = None
    small_block_length: int = 8
    fill_last_block: bool = True
    stop_after_block: bool = False
    regex: str | None = None
    json_schema: str | None = None
    official: bool = False


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
        if name not in uses:
            own = ", ".join(uses)
            raise InputError(f"This recipe has no parameter {name!r}. It has: {own}.", name)


def _check(name: str, value: Any) -> None:
    row = PARAMETERS.get(name)
    if row is None:
        raise InputError(f"Unknown parameter {name!r}.", name)
    if not (value is None and row.optional):
        _CHECKS[row.kind](row, value)


def _check_flag(row: Parameter, value: Any) -> None:
    if not isinstance(value, bool):
        raise InputError(f"{row.name} must be true or false.", row.name)


def _check_choice(row: Parameter, value: Any) -> None:
    if not isinstance(value, str) or value not in row.choices:
        raise InputError(f"{row.name} must be one of {', '.join(row.choices)}.", row.name)


def _check_text(row: Parameter, value: Any) -> None:
    if not isinstance(value, str) or not row.low <= len(value) <= row.high:
        raise InputError(f"{row.name} must be {row.low} to {row.high} characters.", row.name)
    if any("\ud800" <= char <= "\udfff" for char in value):
        raise InputError(f"{row.name} holds half a character.", row.name)


def _check_number(row: Parameter, value: Any) -> None:
    kinds = (int,) if row.kind == "integer" else (int, float)
    right_kind = isinstance(value, kinds) and not isinstance(value, bool)
    if not right_kind or not row.low <= value <= row.high:
        raise InputError(f"{row.name} must be {row.low} to {row.high}.", row.name)


_CHECKS: dict[str, Callable[[Parameter, Any], None]] = {
    "flag": _check_flag,
    "choice": _check_choice,
    "integer": _check_number,
    "number": _check_number,
    "text": _check_text,
}
