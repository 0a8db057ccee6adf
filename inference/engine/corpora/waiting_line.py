"""Waiting lines: a short line of people, what happens to it, and the line afterwards.

`sort:DBAC=ABCD`, `insert2Q:ABC=AQBC`. The operations are those of the waiting-line tasks of
ParallelBench (Kang et al. 2025, arXiv 2510.04767): copy, insert, remove, replace, reverse, shuffle
and sort. People are capital letters, and no two in a line are the same. Replace leaves open who
gives way, shuffle leaves the order open: there any answer counts that the operation allows.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

PEOPLE = "ABCDEFGHIJKLMNOP"
SHORTEST, LONGEST = 3, 8
PLACES = "".join(str(place) for place in range(1, LONGEST + 2))


@dataclass(frozen=True)
class Operation:
    """What one operation does to a line.

    `growth`: by how many people the line grows. `has_place`, `has_person`: what stands in the
    question behind the operation's name. `apply` makes an answer at random, where more than one
    is right, from line, place (from 1), person.
    """

    apply: Callable[[random.Random, str, int, str], str]
    growth: int = 0
    has_place: bool = False
    has_person: bool = False


def _shuffle(rng: random.Random, line: str, place: int, person: str) -> str:
    return "".join(rng.sample(line, len(line)))


def _replace(rng: random.Random, line: str, place: int, person: str) -> str:
    return line.replace(rng.choice(line), person)


OPERATIONS: dict[str, Operation] = {
    "copy": Operation(lambda rng, line, place, person: line),
    "insert": Operation(
        lambda rng, line, place, person: line[: place - 1] + person + line[place - 1 :],
        growth=1,
        has_place=True,
        has_person=True,
    ),
    "remove": Operation(
        lambda rng, line, place, person: line[: place - 1] + line[place:],
        growth=-1,
        has_place=True,
    ),
    "replace": Operation(_replace, has_person=True),
    "reverse": Operation(lambda rng, line, place, person: line[::-1]),
    "shuffle": Operation(_shuffle),
    "sort": Operation(lambda rng, line, place, person: "".join(sorted(line))),
}
SYMBOLS = (*OPERATIONS, ":", "=", *PLACES, *PEOPLE)
PATTERN = "[a-z]+|."
"""What one token is: an operation's name, or any other character."""


_FORM = re.compile(f"({'|'.join(OPERATIONS)})([1-9]?)([A-P]?):([A-P]+)=")


@dataclass(frozen=True)
class Question:
    """One question: an operation, its place and person (where it has them), and the line."""

    operation: str
    line: str
    place: int
    person: str

    @property
    def text(self) -> str:
        """The question up to the equals sign."""
        kind = OPERATIONS[self.operation]
        place = str(self.place) if kind.has_place else ""
        return f"{self.operation}{place}{self.person if kind.has_person else ''}:{self.line}="

    @property
    def answer_length(self) -> int:
        """How many people stand in the line afterwards."""
        return len(self.line) + OPERATIONS[self.operation].growth


def draw(rng: random.Random, operation: str, length: int) -> Question:
    """A random question about a line of so many people."""
    people = rng.sample(PEOPLE, length + 1)
    last = length + max(0, OPERATIONS[operation].growth)
    return Question(operation, "".join(people[1:]), rng.randint(1, last), people[0])


def answer(rng: random.Random, question: Question) -> str:
    """A right answer; at random where there are several."""
    apply = OPERATIONS[question.operation].apply
    return apply(rng, question.line, question.place, question.person)


def read(text: str) -> Question | None:
    """The question that a text asks; None if it asks none."""
    form = _FORM.fullmatch("".join(text.split()))
    if form is None:
        return None
    operation, place, person, line = form.groups()
    kind = OPERATIONS[operation]
    fits = bool(place) == kind.has_place and bool(person) == kind.has_person
    return Question(operation, line, int(place or 1), person or "") if fits else None


def judge(question: Question, text: str) -> dict[str, float]:
    """exact: the line is a right answer. people: different people of those who belong into the
    line, as a share of its places. Both in 0 to 1."""
    expected = set(question.line)
    if question.operation == "replace":
        expected.add(question.person)
    else:
        expected = set(answer(random.Random(0), question))
    share = len(expected & set(text)) / max(1, question.answer_length)
    return {"exact": float(is_right(question, text)), "people": min(1.0, share)}


def is_right(question: Question, text: str) -> bool:
    """Whether a line is what the operation makes of the question's line."""
    line = question.line
    if question.operation == "shuffle":
        return sorted(text) == sorted(line)
    if question.operation == "replace":
        changed = [new for old, new in zip(line, text, strict=False) if old != new]
        return len(text) == len(line) and changed == [question.person]
    return text == answer(random.Random(0), question)
