"""Waiting lines: answers are right, others are noticed, and open ones take any right answer."""

from __future__ import annotations

import random

import numpy as np
import pytest

from inference.engine.corpora import waiting_line
from inference.engine.corpora.waiting_line import OPERATIONS, Question
from inference.engine.training import waiting_line_task
from inference.engine.training.waiting_line_task import TASK, Lines, cases_of

KNOWN = [
    (Question("copy", "DBA", 1, "C"), "copy:DBA=", "DBA"),
    (Question("insert", "DBA", 2, "C"), "insert2C:DBA=", "DCBA"),
    (Question("insert", "DBA", 4, "C"), "insert4C:DBA=", "DBAC"),
    (Question("remove", "DBA", 3, "C"), "remove3:DBA=", "DB"),
    (Question("reverse", "DBA", 1, "C"), "reverse:DBA=", "ABD"),
    (Question("sort", "DBA", 1, "C"), "sort:DBA=", "ABD"),
]


@pytest.mark.parametrize(("question", "text", "answer"), KNOWN)
def test_questions_with_one_answer(question: Question, text: str, answer: str) -> None:
    assert question.text == text
    assert waiting_line.answer(random.Random(0), question) == answer
    assert len(answer) == question.answer_length
    assert waiting_line.is_right(question, answer)
    assert not waiting_line.is_right(question, answer[:-1] + "P")


def test_open_questions_take_every_answer_that_is_right_and_no_other() -> None:
    shuffle, replace = (Question(name, "DBA", 1, "C") for name in ("shuffle", "replace"))
    assert all(waiting_line.is_right(shuffle, text) for text in ("DBA", "ABD", "BDA"))
    assert not any(waiting_line.is_right(shuffle, text) for text in ("DBB", "DB", "DBAC", "CBA"))
    assert all(waiting_line.is_right(replace, text) for text in ("CBA", "DCA", "DBC"))
    assert not any(waiting_line.is_right(replace, t) for t in ("DBA", "CCA", "CB", "BCA", "CBAD"))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_random_answers_are_right(operation: str) -> None:
    rng = random.Random(1)
    found = set()
    for _ in range(60):
        question = waiting_line.draw(rng, operation, 5)
        answer = waiting_line.answer(rng, question)
        assert waiting_line.is_right(question, answer)
        assert len(set(question.line)) == 5
        found.add(answer)
    assert len(found) > 40


def test_batches_hold_right_answers_and_mask_those_alone() -> None:
    tokenizer = TASK.tokenizer(0)
    rng, seen = np.random.default_rng(0), set()
    for _ in range(40):
        batch = Lines(tokenizer, 0).batch(8, rng)
        assert batch.ids.shape[1] <= TASK.context
        for ids, maskable in zip(batch.ids, batch.maskable, strict=True):
            texts = [str(tokenizer.id_to_token(int(i))) for i in ids]
            seen.add(texts[0])
            assert texts[maskable.argmax() - 1] == "="
            assert maskable[maskable.argmax() :].all()
    assert seen == set(OPERATIONS)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_cases_of_one_operation_are_judged(operation: str) -> None:
    tokenizer = TASK.tokenizer(0)
    case = cases_of(operation, tokenizer, 3, 0)[1]
    text = tokenizer.decode(case.prompt_ids)
    assert text.startswith(operation)
    assert text == tokenizer.decode(tokenizer.encode(text).ids)
    question = waiting_line.read(text)
    assert question is not None
    assert question.text == text
    right = waiting_line.answer(random.Random(4), question)
    ids = tokenizer.encode(right, add_special_tokens=False).ids
    assert len(ids) == case.gen_length
    assert case.judge([*case.prompt_ids, *ids]) == {"exact": 1.0, "people": 1.0}
    assert case.judge([*case.prompt_ids, *[ids[0]] * len(ids)])["exact"] == 0
    assert case.judge([*case.prompt_ids, *[ids[0]] * len(ids)])["people"] < 0.5


@pytest.mark.parametrize(
    "text",
    ["", "sort", "sort:=", "sort1:AB=", "insert:ABC=", "insert3:ABC=", "copy:ABZ=", "copy:AB=AB"],
)
def test_other_texts_ask_nothing(text: str) -> None:
    assert waiting_line.read(text) is None


def test_examples_are_questions_of_the_task() -> None:
    tokenizer = TASK.tokenizer(0)
    for example in TASK.examples:
        ids = tokenizer.encode(example["prompt"], add_special_tokens=False).ids
        assert tokenizer.token_to_id("<|unknown|>") not in ids
        question = waiting_line.read(example["prompt"])
        assert question is not None
        assert question.answer_length == example["gen_length"]
    assert waiting_line_task.CONTEXT >= 2 * waiting_line.LONGEST + 5
