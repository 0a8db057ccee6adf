"""The batches of the exact tasks hold right answers, and their cases are judged rightly."""

from __future__ import annotations

import numpy as np
import pytest

from inference.engine.corpora import addition, sudoku
from inference.engine.training.task import Task
from inference.engine.training.tasks import TASKS

JUDGES = {"addition": addition.is_right, "sudoku": sudoku.is_solved}


@pytest.mark.parametrize("name", JUDGES)
def test_every_row_is_right(name: str) -> None:
    task = TASKS[name]
    tokenizer = task.tokenizer(0)
    ids = task.corpus(tokenizer, 0).batch(200, np.random.default_rng(0)).ids
    texts = ["".join(str(tokenizer.id_to_token(int(i))) for i in row) for row in ids]
    assert all(JUDGES[name](text) for text in texts)
    assert len(set(texts)) > 190


@pytest.mark.parametrize("name", JUDGES)
def test_held_out_counts_the_masked_tokens(name: str) -> None:
    task = TASKS[name]
    held = task.held_out(task.tokenizer(0), 20)
    assert held.tokens == held.batch.maskable.sum() > 0


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.name)
def test_cases_repeat_and_fit(task: Task) -> None:
    tokenizer = task.tokenizer(0)
    cases, again = (task.cases(tokenizer, 6, 1) for _ in range(2))
    assert [c.prompt_ids for c in cases] == [c.prompt_ids for c in again]
    assert cases[0].prompt_ids != task.cases(tokenizer, 1, 2)[0].prompt_ids
    assert all(len(c.prompt_ids) + c.gen_length <= task.context for c in cases)
    wrong = cases[0].judge([5] * (len(cases[0].prompt_ids) + cases[0].gen_length))
    assert wrong[task.aims[0]] == 0
    assert set(task.aims) == set(wrong)


def test_a_right_sum_and_a_right_grid_get_full_marks() -> None:
    task = TASKS["addition"]
    tokenizer = task.tokenizer(0)
    case = task.cases(tokenizer, 1, 0)[0]
    question = tokenizer.decode(case.prompt_ids)
    answer = addition.answer(*question.rstrip("=").split("+"))
    assert case.judge(case.prompt_ids + tokenizer.encode(answer).ids) == {"exact": 1, "digits": 1}
    task = TASKS["sudoku"]
    tokenizer = task.tokenizer(0)
    case = task.cases(tokenizer, 1, 0)[0]
    mask = tokenizer.token_to_id("<|mdm_mask|>")
    grid = "".join("." if i == mask else tokenizer.id_to_token(i) for i in case.prompt_ids)
    solution = next(sudoku.solutions(grid))
    assert case.judge(tokenizer.encode(solution).ids) == {"exact": 1, "cells": 1}
