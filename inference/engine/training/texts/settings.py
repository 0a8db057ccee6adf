"""What may be chosen for a training: sizes, windows, learning rate, each with its limits.

Web-safe: pages, validation and the trainer read the same rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, NamedTuple

from inference.engine.errors import InputError


class Range(NamedTuple):
    """Bounds of a number, and what it does in a sentence."""

    low: float
    high: float
    meaning: str


RANGES: dict[str, Range] = {
    "layers": Range(1, 6, "blocks one behind the other: more can learn longer dependencies"),
    "width": Range(16, 256, "numbers that describe a token: wider models know more and are slower"),
    "heads": Range(1, 8, "attention heads; they divide the width"),
    "context": Range(16, 256, "tokens that the model sees at once"),
    "batch_size": Range(4, 128, "windows of a step: more make the curve calmer and a step slower"),
    "learning_rate": Range(
        1e-5,
        0.05,
        "how far each step moves the weights: too small learns slowly, too large makes the loss "
        "jump",
    ),
    "vocabulary": Range(300, 2048, "byte pairs that count as tokens (not for characters)"),
}
STEPS = Range(10, 20_000, "batches that the model learns from")
MOST_PARAMETERS = 5_000_000


@dataclass(frozen=True)
class Sizes:
    """The shape of the model and of its steps. Numbers lie within RANGES."""

    layers: int = 2
    width: int = 64
    heads: int = 4
    context: int = 64
    batch_size: int = 64
    learning_rate: float = 4e-3
    vocabulary: int = 512

    @property
    def mlp_width(self) -> int:
        """Eight thirds of the width, as in Llama, rounded up to sixteen."""
        return -(-self.width * 8 // 48) * 16

    def parameters(self, vocabulary: int) -> int:
        """Weights of the model with a vocabulary of this size."""
        block = 4 * self.width**2 + 3 * self.width * self.mlp_width + 2 * self.width
        return 2 * vocabulary * self.width + self.layers * block + self.width


PRESETS: dict[str, Sizes] = {
    "tiny": Sizes(layers=1, width=32, heads=2, learning_rate=6e-3),
    "small": Sizes(),
    "medium": Sizes(layers=4, width=128, heads=4, batch_size=32, learning_rate=3e-3),
}


def checked_sizes(given: Mapping[str, Any]) -> Sizes:
    """The small preset with what is given. Raises InputError naming the field."""
    names = {field.name for field in fields(Sizes)}
    unknown = next((name for name in given if name not in names), None)
    if unknown is not None:
        raise InputError(f"{unknown} is not a setting of a training.", unknown)
    sizes = replace(Sizes(), **given)
    for name, value in asdict(sizes).items():
        low, high, _ = RANGES[name]
        if not low <= value <= high:
            raise InputError(f"{name} must be between {low:g} and {high:g}.", name)
    if sizes.width % (2 * sizes.heads):
        raise InputError("width must be a multiple of twice the number of heads.", "width")
    if sizes.parameters(sizes.vocabulary) > MOST_PARAMETERS:
        raise InputError(f"The model would have more than {MOST_PARAMETERS:,} weights.", "width")
    return sizes
