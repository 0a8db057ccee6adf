"""Form fields of the run panel, made from the one limits table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from inference.catalog import RANKINGS, RECIPES
from inference.limits import LIMITS


@dataclass(frozen=True, slots=True)
class NumberField:
    """A number input with its range and present value."""

    name: str
    label: str
    low: float
    high: float
    step: str
    value: float | int
    help: str


_PANEL = (
    ("tokens_to_select", "Tokens/step", "1"),
    ("softmax_temperature", "Temperature", "0.1"),
    ("visual_top_k", "Top-k shown", "1"),
    ("actual_top_k", "Top-k used", "1"),
    ("top_p", "Top-p used", "0.01"),
    ("gumbel_temperature", "Gumbel noise", "0.1"),
)


def number_field(name: str, label: str, step: str, value: Any = None) -> NumberField:
    limit = LIMITS[name]
    shown = limit.default if value is None else value
    kind = int if limit.integer else float
    return NumberField(
        name, label, kind(limit.low), kind(limit.high), step, kind(shown or 0), limit.meaning
    )


def panel_fields(settings: dict[str, Any]) -> list[NumberField]:
    """The run panel's numbers with the session's last used values."""
    return [number_field(name, label, step, settings.get(name)) for name, label, step in _PANEL]


def strategies() -> list[tuple[str, list[tuple[str, str, str]]]]:
    """Groups of (value, label, sentence): rankings in plain words, recipes by official name."""
    plain = [(name, row.label, row.sentence) for name, row in RANKINGS.items()]
    return [("Order of positions", plain)]


def recipes() -> list[tuple[str, str, str]]:
    """Automatic recipes for a whole run."""
    return [(name, row.label, row.sentence) for name, row in RECIPES.items()]


def sentence_of(name: str) -> str:
    """The sentence about a ranking or recipe."""
    row = RANKINGS.get(name) or RECIPES.get(name)
    return row.sentence if row else ""
