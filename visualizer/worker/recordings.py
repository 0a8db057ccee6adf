"""Recorded runs of the shipped models for pages that have no worker at hand: made, never typed.

A recording holds real runs of one example, cell by cell, and for tasks with exact answers what the
evaluation that the Lab uses measured for each recipe over many cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from inference.catalog import RECIPES
from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel
from inference.engine.corpora import sudoku
from inference.engine.decoding.loop import StepResult, generate
from inference.engine.tokenization import checked_prompt
from inference.engine.training.decode import Settings, parameters
from inference.engine.training.evaluation import measure, native_tokenizer
from inference.engine.training.tasks import TASKS

VERSION = 1
SEED = 0


def recording(model: LoadedModel, card: dict[str, Any], recipes: Sequence[str]) -> dict[str, Any]:
    """Runs of the first example that tells the recipes apart by their result, else of the first.

    `card`: the model's unmask.json. Each frame lists [position, text, probability] of what was
    written; `wrong` lists the cells that contradict others (sudoku).
    """
    tried = [_example(model, row, recipes) for row in card["examples"]]
    telling = (one for one in tried if len({bool(run["wrong"]) for run in one["runs"]}) > 1)
    number = tried.index(next(telling, tried[0]))
    about = {"version": VERSION, "label": card["label"], "task": card.get("task", "")}
    return {**about, "example": number, "seed": SEED, **tried[number]}


def _example(model: LoadedModel, example: dict[str, Any], recipes: Sequence[str]) -> dict[str, Any]:
    assert model.tokenizer is not None
    assert model.spec.mask_id is not None
    special = bool(example.get("special_tokens"))
    ids = checked_prompt(model.tokenizer, example["prompt"], special, model.spec.vocab_size)
    start = Canvas.start(ids, example["gen_length"], model.spec.mask_id)
    pieces = model.tokenizer.pieces(model.spec.vocab_size)
    cells = [pieces[slot.token] if slot.prompt else None for slot in start.slots]
    return {
        "columns": len(start) // example["rows"] if "rows" in example else 0,
        "cells": cells,
        "runs": [_run(model, start, name, pieces) for name in recipes],
    }


def _run(model: LoadedModel, start: Canvas, recipe: str, pieces: list[str]) -> dict[str, Any]:
    params = parameters(Settings(recipe), len(start.open_positions))
    results = list(generate(model, start, recipe, params, SEED))
    end = results[-1].canvas if results else start
    text = "".join(pieces[token] for token in end.tokens)
    return {
        "recipe": recipe,
        "label": RECIPES[recipe].label,
        "frames": [_frame(result, pieces) for result in results],
        "wrong": contradictions(text) if len(text) == sudoku.CELLS else [],
    }


def _frame(result: StepResult, pieces: list[str]) -> list[list[Any]]:
    at = result.canvas.position_of
    return [
        [at[op["slot"]], pieces[op["token"]], round(float(op.get("p") or 0), 3)]
        for op in result.operations
        if op["op"] in ("commit", "edit")
    ]


def contradictions(grid: str) -> list[int]:
    """The cells of a filled sudoku grid whose digit stands in their row, column or box again."""
    return [cell for cell in range(len(grid)) if grid[cell] not in sudoku.choices(grid, cell)]


def measured(model: LoadedModel, task: str, recipes: Sequence[str], count: int) -> dict[str, Any]:
    """Share of cases solved by each recipe, one token a pass, by the evaluation of the Lab."""
    cases = TASKS[task].cases(native_tokenizer(model), count, SEED)
    rows = [measure(model, cases, Settings(name, seed=SEED)) for name in recipes]
    told = [
        {"recipe": name, "label": RECIPES[name].label, "exact": row.marks["exact"]}
        for name, row in zip(recipes, rows, strict=True)
    ]
    return {"cases": count, "seed": SEED, "rows": told}
