"""The waiting-line model: seven operations, some of which leave the answer open.

Where the answer is open (replace, shuffle), places that are written at once cannot know of each
other, so that parallel decoding has a ceiling: `waiting_line_ceiling`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from inference.engine.corpora import waiting_line
from inference.engine.corpora.bpe import symbol_tokenizer
from inference.engine.corpora.waiting_line import OPERATIONS, Question
from inference.engine.training.noise import Batch
from inference.engine.training.task import Case, HeldOut, Marks, Recipe, Task

CONTEXT = 2 * waiting_line.LONGEST + 6
CASE_LENGTH = 6
"""People in the lines of the cases."""
HELD_OUT_SEED = 1_000_003
GROUPS = (("copy", "reverse", "shuffle", "sort"), ("insert",), ("remove",), ("replace",))
"""Operations whose questions and answers are equally long, which share a batch."""


class Lines:
    """Batches of questions with answers, drawn afresh; only the answers are masked."""

    def __init__(self, tokenizer: Tokenizer, seed: int) -> None:
        self.tokenizer = tokenizer
        self.shares = np.array([len(group) for group in GROUPS]) / len(OPERATIONS)

    def batch(self, size: int, rng: np.random.Generator) -> Batch:
        """Lines of one length, for one group of operations."""
        group = GROUPS[int(rng.choice(len(GROUPS), p=self.shares))]
        length = int(rng.integers(waiting_line.SHORTEST, waiting_line.LONGEST + 1))
        dice = random.Random(int(rng.integers(2**62)))
        questions = [waiting_line.draw(dice, group[n % len(group)], length) for n in range(size)]
        return self.pack(questions, dice)

    def pack(self, questions: Sequence[Question], dice: random.Random) -> Batch:
        """Equally long questions with an answer each."""
        texts = [question.text + waiting_line.answer(dice, question) for question in questions]
        encoded = self.tokenizer.encode_batch(texts, add_special_tokens=False)
        ids = np.array([one.ids for one in encoded])
        maskable = np.zeros_like(ids, dtype=bool)
        maskable[:, -questions[0].answer_length :] = True
        return Batch(ids, maskable)


def held_out(tokenizer: Tokenizer, count: int) -> HeldOut:
    """Lines of the cases' length, for the operations that share a form."""
    dice = random.Random(HELD_OUT_SEED)
    group = GROUPS[0]
    questions = [waiting_line.draw(dice, group[n % len(group)], CASE_LENGTH) for n in range(count)]
    batch = Lines(tokenizer, 0).pack(questions, dice)
    return HeldOut(batch, int(batch.maskable.sum()))


def cases(tokenizer: Tokenizer, count: int, seed: int) -> list[Case]:
    """All operations in turn."""
    names = tuple(OPERATIONS)
    rng = random.Random(HELD_OUT_SEED + seed)
    return [
        _case(tokenizer, waiting_line.draw(rng, names[n % len(names)], CASE_LENGTH))
        for n in range(count)
    ]


def cases_of(
    operation: str, tokenizer: Tokenizer, count: int, seed: int, length: int = CASE_LENGTH
) -> list[Case]:
    """Questions of one operation about lines of one length."""
    rng = random.Random(HELD_OUT_SEED + seed)
    return [_case(tokenizer, waiting_line.draw(rng, operation, length)) for _ in range(count)]


def _case(tokenizer: Tokenizer, question: Question) -> Case:
    ids: list[int] = tokenizer.encode(question.text, add_special_tokens=False).ids

    def marks(canvas: list[int]) -> Marks:
        return waiting_line.judge(question, tokenizer.decode(canvas[len(ids) :], False))

    return Case(ids, question.answer_length, marks)


def example(text: str, gen_length: int) -> dict[str, Any]:
    """A question as a prompt; its canvas is as long as the answer."""
    return {"prompt": text, "gen_length": gen_length, "block_length": gen_length}


TASK = Task(
    name="waiting_line",
    label="Waiting line",
    trained_on=(
        "Trained only on short lines of people, written as capital letters, and what one of seven "
        "operations makes of them: copy, insert, remove, replace, reverse, shuffle and sort. "
        "Shuffle and replace have many right answers, so places that are written in the same "
        "step can contradict each other."
    ),
    context=CONTEXT,
    recipe=Recipe(
        sizes={"width": 96, "layers": 4, "heads": 4, "mlp_width": 256},
        minutes=4.6,
        batch_size=128,
        learning_rate=4e-3,
    ),
    tokenizer=lambda seed: symbol_tokenizer(waiting_line.SYMBOLS, waiting_line.PATTERN),
    corpus=Lines,
    held_out=held_out,
    cases=cases,
    aims=("exact", "people"),
    examples=[
        example("shuffle:ABCDEF=", 6),
        example("sort:NEPALI=", 6),
        example("replaceM:ABCDEF=", 6),
        example("insert3K:ABCDEF=", 7),
        example("reverse:FLAMINGO=", 8),
    ],
    decoding={
        "recipe": "llada/low_confidence",
        "tokens_per_step": 1,
        "temperature": 0.0,
        "block_length": waiting_line.LONGEST + 1,
    },
)
