"""What the page says of the model that answers: how small it is, and what not to expect of it."""

from __future__ import annotations

from dataclasses import dataclass

from inference.models import ModelEntry

SMALL = 3_000_000_000
"""Parameters below which the page warns."""
UNITS = ((1_000_000_000, "billion"), (1_000_000, "million"), (1_000, "thousand"))
WARNING = (
    "This model is very small: it makes facts up, loses the thread and repeats itself. "
    "Do not rely on what it says."
)
ELSEWHERE = (
    "It answers on another server: its tokens cannot be looked into, and a stopped answer cannot "
    "be continued."
)


@dataclass(frozen=True, slots=True)
class ModelNote:
    """A model's label, its size in words ("" while it is not known), its origin, a warning."""

    label: str
    size: str
    trained_on: str
    warning: str


def note_of(model: ModelEntry) -> ModelNote:
    """What a page says of a model. One whose size only loading will tell is taken for a small one
    if it comes with this site."""
    trained_on = str(model.card.get("trained_on", ""))
    if model.kind == ModelEntry.Kind.REMOTE:
        return ModelNote(model.label, "", trained_on, ELSEWHERE)
    known = bool(model.parameters)
    small = model.parameters < SMALL if known else bool(model.card)
    size = f"{parameters_in_words(model.parameters)} parameters" if known else ""
    return ModelNote(model.label, size, trained_on, WARNING if small else "")


def parameters_in_words(count: int) -> str:
    """Three digits and a unit: `135 million`."""
    for unit, name in UNITS:
        if count >= unit:
            return f"{count / unit:.3g} {name}"
    return str(count)
