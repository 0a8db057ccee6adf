"""Which token is right where, for tasks with one answer: sums, and sudokus with one solution.

Found from the canvas that a session began with, in pure Python, and told with its snapshot: whoever
draws a state marks its cells by it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any

from inference.engine.corpora import addition, sudoku
from visualizer.models import Session
from visualizer.selectors.labels import labels_for

QUESTION = re.compile(rf"([0-9]{{{addition.DIGITS}}})\+([0-9]{{{addition.DIGITS}}})=")
BOX = (2, 3)
"""Rows and columns of a box of the sudoku."""


@dataclass(frozen=True)
class Answer:
    """`expected`: slot → the label that is right there. `groups`: slots of which no two may hold
    the same label."""

    expected: Mapping[int, str]
    groups: Sequence[Sequence[int]] = ()

    def told(self) -> dict[str, Any]:
        """As it stands in a snapshot."""
        expected = {str(slot): label for slot, label in self.expected.items()}
        return {"expected": expected, "groups": [list(group) for group in self.groups]}


def answer_of(session: Session) -> Answer | None:
    """None where no answer is known: another task, an unusual canvas."""
    find = _FINDERS.get(str(session.model.card.get("task", "")))
    return find(session) if find else None


def conflicts_in(labels: Mapping[int, str], groups: Iterable[Sequence[int]]) -> set[int]:
    """Slots whose label stands in one of their groups again; `labels` of what is written."""
    found: set[int] = set()
    for group in groups:
        counts = Counter(labels[slot] for slot in group if slot in labels)
        found |= {slot for slot in group if slot in labels and counts[labels[slot]] > 1}
    return found


def _sum(session: Session) -> Answer | None:
    asked = QUESTION.fullmatch(session.prompt)
    if asked is None or len(session.prompt_ids) != len(session.prompt):
        return None
    start, result = len(session.prompt_ids), addition.answer(*asked.groups())
    return Answer({start + n: digit for n, digit in enumerate(result[: session.gen_length])})


def _grid(session: Session) -> Answer | None:
    """The cells are the slots, from 0. A grid with several solutions has its rules alone."""
    labels, mask = labels_for(session), session.mask_id
    given = [sudoku.OPEN if token == mask else labels(token) for token in session.prompt_ids]
    given += [sudoku.OPEN] * session.gen_length
    if len(given) != sudoku.CELLS or not set(given) <= {*sudoku.SYMBOLS, sudoku.OPEN}:
        return None
    solution = _solution("".join(given))
    return Answer(dict(enumerate(solution)) if solution else {}, GROUPS)


@lru_cache(maxsize=1024)
def _solution(grid: str) -> str:
    """The grid's one solution; "" if it has none or several."""
    clues = {cell: digit for cell, digit in enumerate(grid) if digit != sudoku.OPEN}
    if conflicts_in(clues, GROUPS) or not sudoku.has_one_solution(grid):
        return ""
    return next(sudoku.solutions(grid))


def _groups() -> list[list[int]]:
    side, (high, wide) = range(sudoku.SIDE), BOX
    rows = [[sudoku.SIDE * row + column for column in side] for row in side]
    columns = [list(column) for column in zip(*rows, strict=True)]
    corners = product(side[::high], side[::wide])
    boxes = [
        [rows[top + down][left + right] for down, right in product(range(high), range(wide))]
        for top, left in corners
    ]
    return [*rows, *columns, *boxes]


GROUPS = _groups()
_FINDERS = {"addition": _sum, "sudoku": _grid}
