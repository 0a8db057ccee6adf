"""What a trainable task is: tokenizer, corpus, sizes, and cases with a judge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tokenizers import Tokenizer

from inference.engine.training.noise import Batch
from inference.engine.training.trainer import Corpus, LossRule

Marks = dict[str, float]


@dataclass(frozen=True)
class Case:
    """One thing to generate: the prompt's ids (masks in it are open), how many masks follow,
    and the judge of the finished canvas; every mark is in 0…1."""

    prompt_ids: list[int]
    gen_length: int
    judge: Callable[[list[int]], Marks]


@dataclass(frozen=True)
class HeldOut:
    """Documents for the ELBO, and the number of tokens that its nats are divided by."""

    batch: Batch
    tokens: int


@dataclass(frozen=True)
class Recipe:
    """Training settings that suit a task; sizes are those of a LLaMA block."""

    sizes: dict[str, int]
    minutes: float
    batch_size: int
    learning_rate: float
    early_longest_time: float = 1.0
    loss: LossRule | None = None


@dataclass(frozen=True)
class Task:
    """Everything that the trainer and the evaluation need to know about one task.

    `examples` and `decoding` go into the model's sidecar; `aims` names the marks, in the order
    in which tables show them, the one that matters most first; `default` asks a fresh
    site to load this model first.
    """

    name: str
    label: str
    trained_on: str
    context: int
    recipe: Recipe
    tokenizer: Callable[[int], Tokenizer]
    corpus: Callable[[Tokenizer, int], Corpus]
    held_out: Callable[[Tokenizer, int], HeldOut]
    cases: Callable[[Tokenizer, int, int], list[Case]]
    aims: tuple[str, ...]
    examples: list[dict[str, Any]] = field(default_factory=list)
    decoding: dict[str, Any] = field(default_factory=dict)
    default: bool = False
    extra_config: Callable[[Tokenizer], dict[str, int]] = lambda tokenizer: {}
