"""Addition and sudoku: generated cases are right, and wrong ones are noticed."""

from __future__ import annotations

import random

import pytest

from inference.engine.corpora import addition, sudoku


def test_generated_sums_hold_and_a_changed_digit_does_not() -> None:
    rng = random.Random(0)
    for _ in range(200):
        question, answer = addition.generate(rng)
        assert addition.is_right(question + answer)
        place = rng.randrange(len(answer))
        wrong = str((int(answer[place]) + 1) % 10)
        assert not addition.is_right(question + answer[:place] + wrong + answer[place + 1 :])


@pytest.mark.parametrize("text", ["", "1+1=2", "12345678+87654321=", "a2345678+87654321=099999999"])
def test_other_texts_are_no_equations(text: str) -> None:
    assert not addition.is_right(text)


def test_carry_chains_have_more_nines() -> None:
    def nines(chain: bool) -> int:
        rng = random.Random(1)
        pairs = (addition.operands(rng, chain) for _ in range(200))
        return sum(int(a) + int(b) == 9 for x, y in pairs for a, b in zip(x, y, strict=True))

    assert nines(True) > 4 * nines(False)


def test_full_grids_are_solved_and_a_swap_is_noticed() -> None:
    rng = random.Random(0)
    for _ in range(20):
        grid = sudoku.full_grid(rng)
        assert sudoku.is_solved(grid)
        assert not sudoku.is_solved(grid[1] + grid[0] + grid[2:])


def test_puzzles_have_one_solution() -> None:
    rng = random.Random(0)
    for _ in range(10):
        grid, solution = sudoku.puzzle(rng, clues=12)
        assert list(sudoku.solutions(grid)) == [solution]
        assert all(clue in (sudoku.OPEN, cell) for clue, cell in zip(grid, solution, strict=True))
        assert 24 - 6 <= grid.count(sudoku.OPEN) <= 24


def test_an_empty_grid_has_many_solutions() -> None:
    assert not sudoku.has_one_solution(sudoku.OPEN * sudoku.CELLS)


def test_peers_share_row_column_or_box() -> None:
    assert all(len(sudoku.peers(cell)) == 12 for cell in range(sudoku.CELLS))
    assert 9 not in sudoku.peers(0)
    assert 8 in sudoku.peers(0)
    assert 30 in sudoku.peers(0)
