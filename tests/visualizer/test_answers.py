"""What is right where it is known: sums, sudokus, the checks of a story; how a page shows it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from inference import registry
from inference.engine import checkpoint
from inference.engine.corpora import sudoku
from inference.engine.training.tasks import TASKS as TRAINED
from inference.model_locations import directory
from inference.models import ModelEntry
from inference.runtime import model_state
from visualizer.models import Session, Step
from visualizer.selectors import snapshot
from visualizer.selectors.answers import GROUPS, answer_of, conflicts_in
from visualizer.selectors.scores import CHECKS, TASKS, checks_of
from visualizer.services.sessions import create_session
from visualizer.views.cells import Look, cells
from visualizer.views.status import status_line

pytestmark = pytest.mark.django_db
MASK = "<|mdm_mask|>"
PUZZLE = "5....2.145......2....6..46325..5..3."


@pytest.fixture
def begin(owner: User) -> Any:
    """begin(slug, prompt, gen_length) → a session over a shipped model's vocabulary."""
    registry.sync_models()

    def make(slug: str, pieces: list[str], gen_length: int) -> Session:
        entry = ModelEntry.objects.get(slug=slug)
        ids = {piece: n for n, piece in enumerate(_pieces(entry))}
        return create_session(
            owner=owner,
            model=entry,
            mask_id=ids[MASK],
            prompt="".join(pieces),
            prompt_ids=[ids[piece] for piece in pieces],
            gen_length=gen_length,
        )

    return make


def _pieces(entry: ModelEntry) -> list[str]:
    model = checkpoint.load(directory(entry))
    entry.vocabulary, entry.mask_id = model_state.vocabulary(model), model.spec.mask_id
    entry.save()
    assert model.tokenizer is not None
    return model.tokenizer.pieces(model.spec.vocab_size)


def grid(begin: Any, puzzle: str = PUZZLE) -> Session:
    made: Session = begin("sudoku", [MASK if c == sudoku.OPEN else c for c in puzzle], 0)
    return made


def test_a_puzzle_has_its_one_solution(begin: Any) -> None:
    answer = answer_of(grid(begin))
    assert answer is not None
    solved = next(sudoku.solutions(PUZZLE))
    assert "".join(answer.expected[cell] for cell in range(36)) == solved
    assert len(answer.groups) == 18
    assert all(sorted(solved[c] for c in group) == list("123456") for group in answer.groups)


@pytest.mark.parametrize("puzzle", [sudoku.OPEN * 36, "11" + sudoku.OPEN * 34])
def test_a_grid_with_many_solutions_or_none_has_its_rules_alone(begin: Any, puzzle: str) -> None:
    answer = answer_of(grid(begin, puzzle))
    assert answer is not None
    assert answer.expected == {}
    assert answer.groups


def test_the_groups_are_those_of_the_rules() -> None:
    for cell in range(sudoku.CELLS):
        told = {other for group in GROUPS if cell in group for other in group} - {cell}
        assert told == set(sudoku.peers(cell))


def test_a_sum_is_known_digit_by_digit(begin: Any) -> None:
    session = begin("addition", list("96685782+53314917="), 9)
    answer = answer_of(session)
    assert answer is not None
    assert answer.expected == {18 + n: digit for n, digit in enumerate("150000699")}


def test_another_text_of_an_adder_has_no_answer(begin: Any) -> None:
    assert answer_of(begin("addition", list("1+2="), 9)) is None
    assert answer_of(begin("sudoku", list("123"), 4)) is None


def test_conflicts_are_labels_that_stand_twice_in_a_group() -> None:
    assert conflicts_in({0: "a", 1: "a", 2: "b"}, [[0, 1], [1, 2]]) == {0, 1}
    assert conflicts_in({0: "a"}, [[0, 1]]) == set()


def write(session: Session, tokens: dict[int, str]) -> None:
    pieces = {piece: n for n, piece in enumerate(_pieces(session.model))}
    operations = [
        {"op": "commit", "slot": slot, "token": pieces[text], "by": "auto", "p": 0.9}
        for slot, text in tokens.items()
    ]
    Step.objects.create(branch=session.head_branch, number=1, operations=operations, recipe="x")
    Session.objects.filter(pk=session.pk).update(head_number=1)
    session.refresh_from_db()


def test_cells_and_status_say_what_is_right_and_wrong(begin: Any, owner_client: Client) -> None:
    session, solved = grid(begin), next(sudoku.solutions(PUZZLE))
    wrong = next(d for d in "123456" if d != solved[2])
    write(session, {1: solved[1], 2: wrong})
    told = snapshot(session)
    drawn = {cell.pos: cell.names.split() for cell in cells(told, Look(1, 1))}
    assert "right" in drawn[1]
    assert "wrong" in drawn[2]
    clash = {cell for cell in sudoku.peers(2) if PUZZLE[cell] == wrong}
    assert {n for n, names in drawn.items() if "conflict" in names} >= clash
    assert "2 of 22 filled, 1 right, 1 wrong." in status_line(told, Look(1, 1))
    page = owner_client.get(f"/sessions/{session.pk}/").content.decode()
    assert "1 right, 1 wrong" in page
    assert 'class="swatch wrong"' in page


def test_an_open_grid_shows_no_verdict(begin: Any) -> None:
    names = " ".join(cell.names for cell in cells(snapshot(grid(begin)), Look(0, 0)))
    assert not {"right", "wrong", "conflict"} & set(names.split())


def test_a_finished_story_says_which_checks_hold(begin: Any, owner_client: Client) -> None:
    session = begin("stories", ["T"], 2)
    address = f"/sessions/{session.pk}/step/{{}}/checks/"
    assert owner_client.get(address.format(0)).content == b""
    write(session, {1: "a", 2: "b"})
    said = owner_client.get(address.format(1)).content.decode()
    assert [said.count(sign) for sign in "✓✗"] == [0, 5]
    assert "Fits the prompt" in said
    assert said.count("does not hold") == 5
    assert "Fits the prompt" in owner_client.get(f"/sessions/{session.pk}/").content.decode()


def test_every_mark_of_every_task_has_words() -> None:
    assert {aim for task in TRAINED.values() for aim in task.aims} <= CHECKS.keys()
    assert set(TASKS) == set(TRAINED)
    told = checks_of({"exact": 1.0, "cells": 0.5, "unheard": 0.25})
    assert [(one.value, one.holds) for one in told] == [
        ("yes", True),
        ("50%", False),
        ("25%", False),
    ]
