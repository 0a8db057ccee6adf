"""What can be chosen by name: label, dotted path of the thing, one sentence for people.

Nothing is imported here, so that the web side can list the choices without loading a tensor
library; `resolve` is for those who need the thing itself.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, NamedTuple

_FAMILIES = "inference.engine.families"
_DECODING = "inference.engine.decoding"


class Entry(NamedTuple):
    """One choice: a label in plain words, where the thing lives, and a sentence about it."""

    label: str
    path: str
    sentence: str


def resolve(entry: Entry) -> Any:
    """The object that an entry names."""
    module, _, name = entry.path.rpartition(".")
    return getattr(import_module(module), name)


FAMILIES: dict[str, Entry] = {
    "llada": Entry(
        "LLaDA", f"{_FAMILIES}.llada.FAMILY", "Bidirectional Llama body that fills masked places."
    ),
    "dream": Entry(
        "Dream",
        f"{_FAMILIES}.dream.FAMILY",
        "Qwen2 body with shifted predictions: Dream, Dream-Coder, DiffuCoder and DreamOn.",
    ),
}

RECIPES: dict[str, Entry] = {}
SCORES: dict[str, Entry] = {}
QUOTAS: dict[str, Entry] = {}
DRAWS: dict[str, Entry] = {}

RANKINGS: dict[str, Entry] = {
    "low_confidence": Entry(
        "Least confident first",
        f"{_DECODING}.rankings.low_confidence",
        "Takes the positions whose best token has the lowest probability.",
    ),
    "high_confidence": Entry(
        "Most confident first",
        f"{_DECODING}.rankings.high_confidence",
        "Takes the positions whose best token has the highest probability.",
    ),
    "low_entropy": Entry(
        "Most certain first",
        f"{_DECODING}.rankings.low_entropy",
        "Takes the positions whose distribution has the lowest entropy.",
    ),
    "high_entropy": Entry(
        "Most uncertain first",
        f"{_DECODING}.rankings.high_entropy",
        "Takes the positions whose distribution has the highest entropy.",
    ),
    "random": Entry(
        "Random order",
        f"{_DECODING}.rankings.random",
        "Takes positions in an order drawn from the session's seed.",
    ),
}
