"""Sums of two eight-digit numbers, written out: `96685782+53314917=150000699`."""

from __future__ import annotations

import random

DIGITS = 8
SYMBOLS = tuple("0123456789+=")
CHAIN_SHARE = 0.3
NINE_SHARE = 0.7


def operands(rng: random.Random, chain: bool) -> tuple[str, str]:
    """Two numbers with leading zeros; with `chain` most digit pairs add up to nine, so that one
    carry runs through many places."""
    first = [rng.randrange(10) for _ in range(DIGITS)]
    second = [
        9 - digit if chain and rng.random() < NINE_SHARE else rng.randrange(10) for digit in first
    ]
    return "".join(map(str, first)), "".join(map(str, second))


def question(first: str, second: str) -> str:
    """The sum up to the equals sign."""
    return f"{first}+{second}="


def answer(first: str, second: str) -> str:
    """The result with one digit more than the operands."""
    return str(int(first) + int(second)).zfill(DIGITS + 1)


def generate(rng: random.Random, chain: bool | None = None) -> tuple[str, str]:
    """Question and answer; unless asked for, a share of the sums are carry chains."""
    long_carry = rng.random() < CHAIN_SHARE if chain is None else chain
    pair = operands(rng, long_carry)
    return question(*pair), answer(*pair)


def is_right(text: str) -> bool:
    """Whether a text is an equation of this form that holds."""
    left, equals, result = text.partition("=")
    first, plus, second = left.partition("+")
    parts = (first, second, result)
    shaped = equals and plus and all(part.isascii() and part.isdigit() for part in parts)
    widths = tuple(map(len, parts)) == (DIGITS, DIGITS, DIGITS + 1)
    return bool(shaped) and widths and answer(first, second) == result
