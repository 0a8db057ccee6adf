"""Recorded runs of the shipped models for pages that have no worker at hand: made, never typed.

A recording holds real runs of one example, cell by cell. For tasks with exact answers it also says
what the evaluation that the Lab uses measured for each recipe over many cases, and its example is
one of those cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from inference.catalog import RECIPES
from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel
from inference.engine.corpora import sudoku
from inference.engine.decoding.loop import generate
from inference.engine.decoding.step_result import StepResult
from inference.engine.tokenization import checked_prompt
from inference.engine.training import sudoku_task
from inference.engine.training.decode import Settings, parameters
from inference.engine.training.evaluation import judged, native_tokenizer
from inference.engine.training.task import Case
from inference.engine.training.tasks import TASKS

VERSION = 2
SEED = 0


def recording(
    model: LoadedModel, card: dict[str, Any], example: dict[str, Any], recipes: Sequence[str]
) -> dict[str, Any]:
    """Runs of an example (as a model's card writes one) by each recipe.

    `card`: the model's unmask.json. Each frame lists [position, text, probability] of what was
    written; `wrong` lists the cells that are not those of the puzzle's one solution (sudoku).
    """
    assert model.tokenizer is not None
    assert model.spec.mask_id is not None
    special = bool(example.get("special_tokens"))
    ids = checked_prompt(model.tokenizer, example["prompt"], special, model.spec.vocab_size)
    start = Canvas.start(ids, example.get("gen_length", 0), model.spec.mask_id)
    pieces = model.tokenizer.pieces(model.spec.vocab_size)
    return {
        "version": VERSION,
        "label": card["label"],
        "task": card.get("task", ""),
        "example": example,
        "seed": SEED,
        "columns": len(start) // example["rows"] if "rows" in example else 0,
        "cells": [pieces[slot.token] if slot.prompt else None for slot in start.slots],
        "runs": [_run(model, start, name, pieces) for name in recipes],
    }


def _run(model: LoadedModel, start: Canvas, recipe: str, pieces: list[str]) -> dict[str, Any]:
    params = parameters(Settings(recipe), len(start.open_positions))
    results = list(generate(model, start, recipe, params, SEED))
    end = results[-1].canvas if results else start
    is_grid = len(start) == sudoku.CELLS
    return {
        "recipe": recipe,
        "label": RECIPES[recipe].label,
        "frames": [_frame(result, pieces) for result in results],
        "wrong": wrong_cells(_text(start, pieces), _text(end, pieces)) if is_grid else [],
    }


def _frame(result: StepResult, pieces: list[str]) -> list[list[Any]]:
    at = result.canvas.position_of
    return [
        [at[op["slot"]], pieces[op["token"]], round(float(op.get("p") or 0), 3)]
        for op in result.operations
        if op["op"] in ("commit", "edit")
    ]


def _text(canvas: Canvas, pieces: list[str]) -> str:
    """A canvas of symbols; an open cell is a dot."""
    open_id = canvas.mask_id
    return "".join(sudoku.OPEN if token == open_id else pieces[token] for token in canvas.tokens)


def wrong_cells(puzzle: str, grid: str) -> list[int]:
    """The cells of a filled grid that differ from the puzzle's one solution."""
    solution = next(sudoku.solutions(puzzle))
    return [cell for cell in range(len(grid)) if grid[cell] != solution[cell]]


def measured(
    model: LoadedModel, task: str, recipes: Sequence[str], count: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Share of cases solved by each recipe, one token a pass, and the case that is to be shown.

    That is the first one (`shown`, from 0) that the first recipe solves and the last one does not.
    Raises ValueError if the recipes solve the same cases.
    """
    cases = TASKS[task].cases(native_tokenizer(model), count, SEED)
    solved = {name: _solved(model, cases, name) for name in recipes}
    rows = [
        {"recipe": name, "label": RECIPES[name].label, "exact": round(sum(found) / count, 3)}
        for name, found in solved.items()
    ]
    pairs = zip(solved[recipes[0]], solved[recipes[-1]], strict=True)
    told = next((n for n, (first, last) in enumerate(pairs) if first and not last), None)
    if told is None:
        raise ValueError("No measured case tells these recipes apart.")
    about = {"cases": count, "seed": SEED, "rows": rows, "shown": told}
    return about, _example(model, cases[told])


def _solved(model: LoadedModel, cases: list[Case], recipe: str) -> list[bool]:
    settings = Settings(recipe, seed=SEED)
    verdicts = (judged(model, case, settings, n).marks for n, case in enumerate(cases))
    return [marks["exact"] == 1.0 for marks in verdicts]


def _example(model: LoadedModel, case: Case) -> dict[str, Any]:
    """The puzzle of a case as the cards write one."""
    assert model.tokenizer is not None
    pieces = model.tokenizer.pieces(model.spec.vocab_size)
    mask = model.spec.mask_id
    return sudoku_task.example(
        "".join(sudoku.OPEN if token == mask else pieces[token] for token in case.prompt_ids)
    )
