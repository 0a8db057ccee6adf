"""Sudoku of six by six: rows, columns and boxes of two rows by three columns hold 1 to 6.

A grid is a string of 36 digits, row by row; an open cell is a dot.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

SIDE = 6
CELLS = SIDE * SIDE
SYMBOLS = tuple("123456")
OPEN = "."


def peers(cell: int) -> tuple[int, ...]:
    """The cells that share a row, a column or a box with this one."""
    return _PEERS[cell]


def _share_a_unit(a: int, b: int) -> bool:
    row_a, column_a = divmod(a, SIDE)
    row_b, column_b = divmod(b, SIDE)
    same_box = (row_a // 2, column_a // 3) == (row_b // 2, column_b // 3)
    return row_a == row_b or column_a == column_b or same_box


_PEERS = tuple(
    tuple(b for b in range(CELLS) if b != a and _share_a_unit(a, b)) for a in range(CELLS)
)


def choices(grid: str, cell: int) -> list[str]:
    """Digits that no peer of the cell holds."""
    taken = {grid[peer] for peer in _PEERS[cell]}
    return [digit for digit in SYMBOLS if digit not in taken]


def solutions(grid: str, rng: random.Random | None = None) -> Iterator[str]:
    """All completions of a grid; in random order if a generator is given."""
    open_cells = [cell for cell in range(CELLS) if grid[cell] == OPEN]
    if not open_cells:
        yield grid
        return
    options = {cell: choices(grid, cell) for cell in open_cells}
    cell = min(open_cells, key=lambda c: len(options[c]))
    digits = options[cell]
    if rng is not None:
        rng.shuffle(digits)
    for digit in digits:
        yield from solutions(grid[:cell] + digit + grid[cell + 1 :], rng)


def is_solved(grid: str) -> bool:
    """Whether the grid is complete and obeys the rules."""
    full = len(grid) == CELLS and all(cell in SYMBOLS for cell in grid)
    return full and all(grid[c] != grid[p] for c in range(CELLS) for p in _PEERS[c])


def full_grid(rng: random.Random) -> str:
    """A random solved grid."""
    return next(solutions(OPEN * CELLS, rng))


def has_one_solution(grid: str) -> bool:
    """Whether exactly one completion exists."""
    found = solutions(grid)
    return next(found, None) is not None and next(found, None) is None


def puzzle(rng: random.Random, clues: int) -> tuple[str, str]:
    """A puzzle with one solution and about `clues` clues, and the solution.

    Clues are taken away in random order as long as the solution stays unique, so that for few
    clues the puzzle may keep some more than asked for.
    """
    solved = full_grid(rng)
    grid, left = solved, CELLS
    for cell in rng.sample(range(CELLS), CELLS):
        if left <= clues:
            break
        opened = grid[:cell] + OPEN + grid[cell + 1 :]
        if has_one_solution(opened):
            grid, left = opened, left - 1
    return grid, solved
