"""Form fields of the run panel, made from the one limits table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from inference.catalog import RANKINGS
from inference.limits import LIMITS


class Slider(NamedTuple):
    """Ends and step of a slider beside a number."""

    low: float
    high: float
    step: float


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
    slider: Slider | None = None


_PANEL = (
    ("softmax_temperature", "View temperature"),
    ("visual_top_k", "Candidates shown"),
    ("actual_top_k", "Selectable top-k"),
    ("top_p", "Selectable top-p"),
    ("gumbel_temperature", "Gumbel noise"),
)


_SLIDERS = {
    "softmax_temperature": Slider(-1, 1, 0.02),  # decimal logarithm; static/js/settings.js
    "top_p": Slider(0.01, 1, 0.01),
}


def number_field(name: str, label: str, value: Any = None) -> NumberField:
    """The input of a row of the limits table. Decimals may be typed as fine as one likes."""
    limit = LIMITS[name]
    shown = limit.default if value is None else value
    kind = int if limit.integer else float
    low, high, value = kind(limit.low), kind(limit.high), kind(shown or 0)
    slider = _SLIDERS.get(name)
    step = "1" if limit.integer else "any"
    return NumberField(name, label, low, high, step, value, limit.meaning, slider)


def panel_fields(settings: dict[str, Any]) -> list[NumberField]:
    """The run panel's numbers with the session's last used values."""
    return [number_field(name, label, settings.get(name)) for name, label in _PANEL]


def strategies() -> list[tuple[str, list[tuple[str, str, str]]]]:
    """Groups of (value, label, sentence): rankings in plain words, recipes by official name."""
    plain = [(name, row.label, row.sentence) for name, row in RANKINGS.items()]
    return [("Order of positions", plain)]
