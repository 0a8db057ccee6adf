"""Marks of a finished canvas, for models that were trained on a task which can be checked.

The checkers are those of the corpora (pure Python), so the web side needs no tensor library.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from inference.engine.canvas import Canvas
from inference.engine.corpora import addition, story_checks, sudoku, waiting_line
from visualizer.models import Session
from visualizer.selectors.answers import answer_of
from visualizer.selectors.history import StateRef, state_at
from visualizer.selectors.labels import labels_for

Marks = dict[str, float]
CHECKS: dict[str, tuple[str, str, bool]] = {
    "exact": ("Right answer", "the whole answer is right", False),
    "digits": ("Right digits", "share of the digits of the result", True),
    "people": ("People kept", "share of the people that belong into the line", True),
    "cells": ("Cells without conflict", "share of the cells that contradict no other", True),
    "grammar": ("Grammar", "share of the text that is sentences of the stories' grammar", True),
    "plot": ("One plot", "all beats of one plot stand in order", False),
    "kept": ("Details kept", "names and things stay what they were", False),
    "consistent": ("Place kept", "the place stays what it was, too", False),
    "prompt": ("Fits the prompt", "names and things are those of the prompt", False),
    "length": ("Right length", "the gap became as long as it was", False),
}
"""Mark → label, meaning, whether it is a share."""
START, END = "<|startoftext|>", "<|endoftext|>"


class Text(NamedTuple):
    """A finished canvas as text: what was given, what was generated, and both."""

    prompt: str
    body: str
    whole: str


def score_of(session: Session, canvas: Canvas) -> dict[str, Any] | None:
    """{task, exact, marks}; None for a model without a known task and for an open canvas."""
    task = str(session.model.card.get("task", ""))
    if task not in TASKS or not canvas.is_complete:
        return None
    marks = TASKS[task](_text(session, canvas))
    exact = marks.get("exact", marks.get("prompt", 0.0))
    return {"task": task, "exact": exact == 1.0, "marks": marks}


class Check(NamedTuple):
    """One mark in words: `value` as it is shown, `holds` if nothing is amiss."""

    label: str
    meaning: str
    value: str
    holds: bool


def checks_of(marks: Marks) -> list[Check]:
    """The marks in words, in their order; unknown ones are called by their name."""
    return [_check(name, value) for name, value in marks.items()]


def _check(name: str, value: float) -> Check:
    label, meaning, is_share = CHECKS.get(name, (name, "", True))
    shown = f"{value:.0%}" if is_share else "yes" if value == 1.0 else "no"
    return Check(label, meaning, shown, value == 1.0)


def checks_at(session: Session, ref: StateRef) -> list[Check]:
    """What a finished state holds of its task's checks, where the answer itself is not known."""
    if answer_of(session) is not None:
        return []
    score = score_of(session, state_at(session, ref))
    return checks_of(score["marks"]) if score else []


def _text(session: Session, canvas: Canvas) -> Text:
    labels = labels_for(session)
    answer, whole = canvas.tokens[canvas.prompt_length :], canvas.tokens
    return Text(session.prompt, ended(labels.text(answer)), ended(labels.text(whole)))


def ended(text: str) -> str:
    """The text up to the end token, without a start token."""
    return text.removeprefix(START).partition(END)[0]


def addition_marks(text: Text) -> Marks:
    """exact: the equation holds. digits: share of right digits of the result."""
    question, _, result = text.whole.partition("=")
    first, _, second = question.partition("+")
    if not (first.isdecimal() and second.isdecimal()):
        return {"exact": 0.0, "digits": 0.0}
    answer = addition.answer(first, second)
    right = sum(a == b for a, b in zip(result, answer, strict=False))
    return {"exact": float(addition.is_right(text.whole)), "digits": right / len(answer)}


def sudoku_marks(text: Text) -> Marks:
    """exact: the grid obeys the rules. cells: share of cells that contradict no other cell."""
    grid = text.whole
    if len(grid) != sudoku.CELLS:
        return {"exact": 0.0, "cells": 0.0}
    good = [c for c in range(sudoku.CELLS) if grid[c] in sudoku.choices(grid, c)]
    return {"exact": float(sudoku.is_solved(grid)), "cells": len(good) / sudoku.CELLS}


def waiting_line_marks(text: Text) -> Marks:
    """exact: the line is what the operation makes of it. people: share of the right ones."""
    question = waiting_line.read(text.prompt)
    if question is None:
        return {"exact": 0.0, "people": 0.0}
    return waiting_line.judge(question, text.body)


def story_marks(text: Text) -> Marks:
    """The four marks of the grammar's parser; `prompt` is the strictest."""
    verdict = story_checks.judge(text.prompt, text.body)
    return {name: float(value) for name, value in vars(verdict).items()}


def infill_marks(text: Text) -> Marks:
    """The marks of the story that begins after its prompt; the whole text where none is found."""
    for end, letter in enumerate(text.whole, 1):
        if letter == "." and any(story_checks.prompt_readings(text.whole[:end])):
            return story_marks(text._replace(prompt=text.whole[:end], body=text.whole[end:]))
    return story_marks(text._replace(prompt="", body=text.whole))


TASKS: dict[str, Callable[[Text], Marks]] = {
    "addition": addition_marks,
    "sudoku": sudoku_marks,
    "waiting_line": waiting_line_marks,
    "stories": story_marks,
    "infill": infill_marks,
}
