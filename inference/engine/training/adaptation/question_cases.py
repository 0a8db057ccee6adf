"""The thirty questions as cases of a measurement: answered by denoising, judged by the parent."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from inference.engine.chat_template import conversation_ids
from inference.engine.checkpoint import LoadedModel
from inference.engine.errors import InputError
from inference.engine.training.adaptation.evaluation import LENGTH, distinct, holds
from inference.engine.training.adaptation.questions import QUESTIONS
from inference.engine.training.task import Case, Marks

NAME = "questions"
AIMS = ("right", "likely", "distinct")
"""`right`: the wanted word stands in the answer. `likely`: geometric mean of the probabilities that
a judge gives the answer's tokens, which is 1 / generative perplexity. `distinct`: share of
different pairs of neighbours."""
Likely = Callable[[Sequence[int], Sequence[int]], float]
"""(ids before, ids of the answer) → 0 to 1."""


def question_cases(model: LoadedModel, count: int, likely: Likely | None) -> list[Case]:
    """`count` cases, the questions in their order and again from the first.

    Raises InputError for a model without a chat template, or without room for an answer.
    """
    found = []
    for question, word in itertools.islice(itertools.cycle(QUESTIONS), count):
        ids = conversation_ids(model, [{"role": "user", "content": question}])
        if len(ids) + LENGTH > model.context:
            raise InputError("The model's context has no room for questions.", "model")
        found.append(Case(ids, LENGTH, _judge(model, ids, word, likely)))
    return found


def _judge(
    model: LoadedModel, before: list[int], word: str, likely: Likely | None
) -> Callable[[list[int]], Marks]:
    def marks(canvas: list[int]) -> Marks:
        assert model.tokenizer is not None
        ends = set(model.spec.end_ids)
        answer = list(itertools.takewhile(lambda token: token not in ends, canvas[len(before) :]))
        found = {"right": float(holds(model.tokenizer.decode(answer), word))}
        if likely is not None:
            found["likely"] = likely(before, answer) if answer else 0.0
        return {**found, "distinct": distinct(answer)}

    return marks
