"""The sudoku model: trained on full grids only, it solves because clues are unmasked cells."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from inference.engine.corpora import sudoku
from inference.engine.corpora.bpe import MASK, id_of, symbol_tokenizer
from inference.engine.training.noise import Batch, Ids
from inference.engine.training.task import Case, HeldOut, Marks, Recipe, Task

BASE_GRIDS = 3000
HELD_OUT_SEED = 1_000_003
CLUES = 12
EXAMPLES = (
    "5....2.145......2....6..46325..5..3.",
    "32.......3.1....4...413.65..14...56.",
    ".6..5..254....6..45...32.1.3....21..",
)


class Grids:
    """Batches of solved grids: base grids under the symmetries of the game."""

    def __init__(self, tokenizer: Tokenizer, seed: int, count: int = BASE_GRIDS) -> None:
        rng = random.Random(seed)
        self.first = id_of(tokenizer, "1")
        grids = [sudoku.full_grid(rng) for _ in range(count)]
        self.base: Ids = np.array([[int(cell) - 1 for cell in grid] for grid in grids])

    def batch(self, size: int, rng: np.random.Generator) -> Batch:
        """Grids with digits renamed, rows and columns exchanged within their bands, and bands."""
        grids = self.base[rng.integers(0, len(self.base), size)]
        names = _shuffles(rng, size, sudoku.SIDE)
        grids = np.take_along_axis(names, grids, axis=1).reshape(size, sudoku.SIDE, sudoku.SIDE)
        rows = _exchange(rng, size, bands=3, inside=2)
        columns = _exchange(rng, size, bands=2, inside=3)
        grids = np.take_along_axis(grids, rows[:, :, None], axis=1)
        grids = np.take_along_axis(grids, columns[:, None, :], axis=2)
        ids = grids.reshape(size, sudoku.CELLS) + self.first
        return Batch(ids, np.ones_like(ids, dtype=bool))


def _shuffles(rng: np.random.Generator, *shape: int) -> Ids:
    return rng.random(shape).argsort(axis=-1)


def _exchange(rng: np.random.Generator, size: int, bands: int, inside: int) -> Ids:
    """Permutations of the lines that keep every band together [size, bands * inside]."""
    starts = _shuffles(rng, size, bands)[:, :, None] * inside
    return (starts + _shuffles(rng, size, bands, inside)).reshape(size, bands * inside)


def held_out(tokenizer: Tokenizer, count: int) -> HeldOut:
    """Grids from base grids that training did not see."""
    grids = Grids(tokenizer, HELD_OUT_SEED, min(count, 300))
    batch = grids.batch(count, np.random.default_rng(HELD_OUT_SEED))
    return HeldOut(batch, int(batch.maskable.sum()))


def cases(tokenizer: Tokenizer, count: int, seed: int) -> list[Case]:
    """Puzzles with one solution and twelve clues (a few more where that needs them)."""
    rng = random.Random(HELD_OUT_SEED + seed)
    return [_case(tokenizer, *sudoku.puzzle(rng, CLUES)) for _ in range(count)]


def _case(tokenizer: Tokenizer, grid: str, solution: str) -> Case:
    token = {sudoku.OPEN: MASK}
    ids: list[int] = [id_of(tokenizer, token.get(cell, cell)) for cell in grid]

    def marks(canvas: Sequence[int]) -> Marks:
        found = "".join(str(tokenizer.id_to_token(i)) for i in canvas)
        opened = [c for c in range(sudoku.CELLS) if grid[c] == sudoku.OPEN]
        right = sum(canvas[c] == id_of(tokenizer, solution[c]) for c in opened)
        return {"exact": float(found == solution), "cells": right / len(opened)}

    return Case(ids, 0, marks)


def example(grid: str) -> dict[str, Any]:
    """A puzzle as a prompt: open cells are the mask token's own text, and nothing follows it."""
    return {
        "prompt": grid.replace(sudoku.OPEN, MASK),
        "special_tokens": True,
        "rows": sudoku.SIDE,
    }


TASK = Task(
    name="sudoku",
    label="Sudoku, six by six",
    trained_on=(
        "Trained only on solved sudoku grids of six by six cells. A puzzle is a grid in which "
        "the open cells are masks; the model fills them in any order."
    ),
    context=sudoku.CELLS,
    recipe=Recipe(
        sizes={"width": 96, "layers": 4, "heads": 4, "mlp_width": 256},
        minutes=4,
        batch_size=64,
        learning_rate=4e-3,
    ),
    tokenizer=lambda seed: symbol_tokenizer(sudoku.SYMBOLS),
    corpus=Grids,
    held_out=held_out,
    cases=cases,
    aims=("exact", "cells"),
    examples=[example(grid) for grid in EXAMPLES],
    decoding={
        "recipe": "llada/low_confidence",
        "tokens_per_step": 1,
        "temperature": 0.0,
        "block_length": sudoku.CELLS,
    },
)
