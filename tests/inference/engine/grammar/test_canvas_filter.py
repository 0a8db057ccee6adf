"""The filter against every filling of small canvases: none possible refused, no other let by."""

from __future__ import annotations

import re
from itertools import product
from random import Random

import numpy as np
import pytest

from inference.engine.canvas import Canvas, Operation, Slot
from inference.engine.errors import InputError
from inference.engine.grammar.automaton import token_automaton
from inference.engine.grammar.canvas_filter import CanvasFilter, answer_of
from inference.engine.grammar.compiler import Grammar, compiled

TOKENS = [b"a", b"b", b"ab", "é".encode()[:1], "é".encode()[1:], b"", b"ba", b""]
MASK, END = 5, 7
"""Of two tokens without text one is the mask, the other ends the text."""
PATTERNS = ["a*b", "(ab)+", "a?é", "(a|b){3}", "aab|bba|é", ".{2}", "", "b(é|a)*"]


def filter_of(pattern: str, ends: tuple[int, ...] = (END,)) -> CanvasFilter:
    found = token_automaton(compiled(Grammar(regex=pattern)), TOKENS, ends, "regex")
    return CanvasFilter(found, "regex")


def matches(pattern: str, tokens: list[int]) -> bool:
    """Whether the text up to its end matches, and nothing but ends stands behind that."""
    text = tokens[: tokens.index(END)] if END in tokens else tokens
    if MASK in tokens or set(tokens[len(text) :]) - {END}:
        return False
    written = b"".join(TOKENS[token] for token in text)
    try:
        return re.fullmatch(pattern, written.decode()) is not None
    except UnicodeDecodeError:
        return False


def fillings(pattern: str, tokens: list[int]) -> list[tuple[int, ...]]:
    options = [range(len(TOKENS)) if token == MASK else (token,) for token in tokens]
    return [filled for filled in product(*options) if matches(pattern, list(filled))]


def canvas_of(tokens: list[int], prompt: int = 0) -> Canvas:
    slots = [Slot(i, token, prompt=i < prompt) for i, token in enumerate(tokens)]
    return Canvas(tuple(slots), MASK, prompt)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_token_is_possible_if_and_only_if_some_filling_has_it(pattern: str) -> None:
    random = Random(pattern)
    for _ in range(40):
        tokens = [random.choice([MASK, MASK, MASK, 0, 1, 2, END]) for _ in range(4)]
        canvas, every = canvas_of(tokens), fillings(pattern, tokens)
        if not every:
            with pytest.raises(InputError):
                filter_of(pattern).possible(canvas, canvas.open_positions)
            continue
        found = filter_of(pattern).possible(canvas, canvas.open_positions)
        for row, position in zip(found, canvas.open_positions, strict=True):
            assert set(np.flatnonzero(row)) == {filled[position] for filled in every}, tokens


def write(position: int, token: int, prob: float) -> Operation:
    return {"op": "commit", "slot": position, "token": token, "p": prob, "by": "auto"}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_what_is_kept_of_a_step_can_be_completed_and_its_surest_is_kept(pattern: str) -> None:
    random = Random(pattern)
    canvas = canvas_of([MASK] * 4)
    if not fillings(pattern, canvas.tokens):
        return
    tool = filter_of(pattern)
    for _ in range(40):
        rows = tool.possible(canvas, range(4))
        step = [
            write(i, random.choice(list(np.flatnonzero(rows[i]))), random.random())
            for i in range(4)
        ]
        kept = tool.kept(canvas, step)
        assert fillings(pattern, canvas.apply(kept).tokens)
        assert max(step, key=lambda one: one["p"]) in kept
        left = [one for one in step if one not in kept]
        assert not any(fillings(pattern, canvas.apply([*kept, one]).tokens) for one in left)


def test_the_answer_is_what_stands_between_prompts_and_before_what_is_cut() -> None:
    slots = [Slot(0, 0, prompt=True), Slot(1, MASK), Slot(2, 1, prompt=True), Slot(3, MASK)]
    canvas = Canvas((*slots, Slot(4, MASK, surplus=True), Slot(5, 0, prompt=True)), MASK, 1)
    assert answer_of(canvas) == (1, 4)
    found = filter_of("aba", ends=()).possible(canvas, [1, 3, 4])
    assert [set(np.flatnonzero(row)) for row in found[:2]] == [{0}, {0}]
    assert found[2].all()


def test_without_masks_to_fill_a_text_is_only_judged() -> None:
    with pytest.raises(InputError) as caught:
        filter_of("a").possible(canvas_of([0, 0]), [])
    assert caught.value.field == "regex"


def test_a_pattern_that_is_too_large_for_the_vocabulary_is_refused() -> None:
    base = compiled(Grammar(regex="a{900}"))
    with pytest.raises(InputError, match="902 states"):
        token_automaton(base, [b"a"] * 100_000, (), "regex")
