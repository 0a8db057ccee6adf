"""The addition model: carries run leftwards, so the order of decoding matters."""

from __future__ import annotations

import random

import numpy as np
from tokenizers import Tokenizer

from inference.engine.corpora import addition
from inference.engine.corpora.bpe import id_of, symbol_tokenizer
from inference.engine.training.noise import Batch, Flags, Ids
from inference.engine.training.task import Case, HeldOut, Marks, Recipe, Task

LENGTH = 3 * addition.DIGITS + 3
QUESTION = 2 * addition.DIGITS + 2
QUESTION_KEPT_SHARE = 0.6
HELD_OUT_SEED = 1_000_003


class Sums:
    """Batches of equations, drawn afresh; the plus and equals signs are never masked."""

    def __init__(self, tokenizer: Tokenizer, seed: int) -> None:
        self.first = id_of(tokenizer, "0")
        self.plus, self.equals = id_of(tokenizer, "+"), id_of(tokenizer, "=")

    def batch(self, size: int, rng: np.random.Generator) -> Batch:
        """Mostly only the result is masked; in the other rows any digit may be."""
        ids = self._equations(size, rng)
        maskable: Flags = (ids != self.plus) & (ids != self.equals)
        maskable[rng.random(size) < QUESTION_KEPT_SHARE, :QUESTION] = False
        return Batch(ids, maskable)

    def _equations(self, size: int, rng: np.random.Generator) -> Ids:
        first = rng.integers(0, 10, (size, addition.DIGITS))
        second = rng.integers(0, 10, first.shape)
        chain = rng.random((size, 1)) < addition.CHAIN_SHARE
        nines = chain & (rng.random(first.shape) < addition.NINE_SHARE)
        second = np.where(nines, 9 - first, second)
        plus, equals = (np.full((size, 1), sign) for sign in (self.plus, self.equals))
        parts = [first + self.first, plus, second + self.first, equals]
        return np.concatenate([*parts, add_digits(first, second) + self.first], axis=1)


def add_digits(first: Ids, second: Ids) -> Ids:
    """Digits of the sums, one more than the operands have; rows are numbers."""
    powers = 10 ** np.arange(first.shape[1])[::-1]
    totals = (first * powers).sum(axis=1) + (second * powers).sum(axis=1)
    digits: Ids = (totals[:, None] // 10 ** np.arange(first.shape[1] + 1)[::-1]) % 10
    return digits


def held_out(tokenizer: Tokenizer, count: int) -> HeldOut:
    """Sums whose result is masked, in the corpus' mixture."""
    batch = Sums(tokenizer, 0).batch(count, np.random.default_rng(HELD_OUT_SEED))
    maskable = np.zeros_like(batch.maskable)
    maskable[:, QUESTION:] = True
    return HeldOut(Batch(batch.ids, maskable), int(maskable.sum()))


def cases(tokenizer: Tokenizer, count: int, seed: int) -> list[Case]:
    """Carry chains, the hard part of addition."""
    rng = random.Random(HELD_OUT_SEED + seed)
    return [_case(tokenizer, *addition.generate(rng, chain=True)) for _ in range(count)]


def _case(tokenizer: Tokenizer, question: str, answer: str) -> Case:
    ids: list[int] = tokenizer.encode(question, add_special_tokens=False).ids

    def marks(canvas: list[int]) -> Marks:
        result = "".join(str(tokenizer.id_to_token(i)) for i in canvas[len(ids) :])
        right = sum(a == b for a, b in zip(result, answer, strict=False))
        return {"exact": float(result == answer), "digits": right / len(answer)}

    return Case(ids, len(answer), marks)


TASK = Task(
    name="addition",
    label="Addition of eight digits",
    trained_on=(
        "Trained only on sums of two eight-digit numbers. The training was stopped early on "
        "purpose: a little short of perfect, it shows how much the order of decoding matters."
    ),
    context=LENGTH,
    recipe=Recipe(
        sizes={"width": 64, "layers": 4, "heads": 4, "mlp_width": 176},
        minutes=1.7,
        batch_size=128,
        learning_rate=4e-3,
    ),
    tokenizer=lambda seed: symbol_tokenizer(addition.SYMBOLS),
    corpus=Sums,
    held_out=held_out,
    cases=cases,
    aims=("exact", "digits"),
    examples=[
        {"prompt": prompt, "gen_length": addition.DIGITS + 1, "block_length": addition.DIGITS + 1}
        for prompt in ("96685782+53314917=", "12345678+87654321=", "40718205+31169794=")
    ],
    decoding={
        "recipe": "llada/low_confidence",
        "tokens_per_step": 1,
        "temperature": 0.0,
        "block_length": addition.DIGITS + 1,
    },
)
