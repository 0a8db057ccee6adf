"""What a lesson is made of: text, runs to try, one question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MASK = "▢"
"""How a mask is written in a prompt here; the model's own text of it takes its place."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to run the lesson's example. `parameters` are all that matter of the recipe's.

    `model`, `prompt` and `gen_length` are those of the lesson unless given.
    """

    name: str
    label: str
    recipe: str
    parameters: Mapping[str, Any]
    note: str
    model: str = ""
    prompt: str = ""
    gen_length: int | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """An answer to a lesson's question, and what is said to whoever gives it."""

    text: str
    reply: str
    right: bool = False


@dataclass(frozen=True, slots=True)
class Lesson:
    """A few sentences, an example that is run in several ways, and a question.

    `tells`: two variants; the example is then the first measured case of the model's task that the
    first of them solves and the second does not, and every variant is measured over all cases.
    `guesses`: the recording keeps what the model expected at every mask before each step.
    """

    slug: str
    title: str
    summary: str
    paragraphs: tuple[str, ...]
    task: str
    model: str
    variants: tuple[Variant, ...]
    question: str
    choices: tuple[Choice, ...]
    prompt: str = ""
    gen_length: int | None = None
    tells: tuple[str, str] | None = None
    guesses: bool = False

    def variant(self, name: str) -> Variant | None:
        """The variant of this name; None if there is none."""
        return next((one for one in self.variants if one.name == name), None)

    def model_of(self, variant: Variant) -> str:
        return variant.model or self.model
