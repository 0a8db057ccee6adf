"""Marks of finished canvases, with the vocabularies of the shipped models."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from tokenizers import Tokenizer

from inference.engine.corpora import addition, bpe, stories, sudoku
from inference.engine.tokenization import Tokenizer as EngineTokenizer
from inference.labels import pack
from inference.model_locations import SHIPPED_DIR
from inference.models import ModelEntry, Vocabulary
from visualizer.models import Session
from visualizer.selectors import scores, state_at
from visualizer.services.sessions import create_session
from visualizer.services.steps import NewStep, apply_at_head

pytestmark = pytest.mark.django_db
Finished = Callable[..., dict[str, Any] | None]


@pytest.fixture
def finished(owner: User) -> Finished:
    """finished(slug, prompt, ids, body) → the score of a canvas that holds these tokens."""

    def score(slug: str, prompt: str, ids: list[int], body: list[int]) -> dict[str, Any] | None:
        session = made(owner, slug, prompt, ids, len(body))
        commits = [
            {"op": "commit", "slot": len(ids) + n, "token": token, "p": 0.5, "by": "auto"}
            for n, token in enumerate(body)
        ]
        apply_at_head(session=session, new=NewStep(commits))
        session.refresh_from_db()
        return scores.score_of(session, state_at(session))

    return score


def made(owner: User, slug: str, prompt: str, ids: list[int], length: int) -> Session:
    tokenizer = EngineTokenizer.from_directory(SHIPPED_DIR / slug)
    assert tokenizer is not None
    entry, _ = ModelEntry.objects.update_or_create(slug=slug, defaults={"card": {"task": slug}})
    pieces = pack(tokenizer.pieces())
    entry.vocabulary, _ = Vocabulary.objects.get_or_create(
        hash=slug, defaults={"size": 9, "pieces": pieces}
    )
    entry.save()
    mask = bpe.id_of(native(slug), bpe.MASK)
    return create_session(
        owner=owner, model=entry, mask_id=mask, prompt=prompt, prompt_ids=ids, gen_length=length
    )


def native(slug: str) -> Tokenizer:
    return Tokenizer.from_file(str(SHIPPED_DIR / slug / "tokenizer.json"))


def ids_of(slug: str, text: str, start: bool = False) -> list[int]:
    ids: list[int] = native(slug).encode(text, add_special_tokens=start).ids
    return ids


def test_the_special_texts_are_those_of_the_corpora() -> None:
    assert (scores.START, scores.END) == (bpe.START, bpe.END)


@pytest.mark.parametrize(("result", "exact", "digits"), [(0, True, 9), (1, False, 8)])
def test_sums(finished: Finished, result: int, exact: bool, digits: int) -> None:
    question, answer = addition.generate(random.Random(3))
    answer = answer[:-1] + str((int(answer[-1]) + result) % 10)
    told = finished("addition", question, ids_of("addition", question), ids_of("addition", answer))
    assert told == {
        "task": "addition",
        "exact": exact,
        "marks": {"exact": float(exact), "digits": digits / 9},
    }


def test_sudokus(finished: Finished) -> None:
    grid, solution = sudoku.puzzle(random.Random(1), 12)
    ids, body = ids_of("sudoku", solution[:30]), ids_of("sudoku", solution[30:])
    right = finished("sudoku", grid, ids, body)
    assert right is not None
    assert right["marks"] == {"exact": 1.0, "cells": 1.0}
    other = "1" if solution[35] != "1" else "2"
    wrong = finished("sudoku", grid, ids, [*body[:-1], *ids_of("sudoku", other)])
    assert wrong is not None
    assert not wrong["exact"]
    assert 0 < wrong["marks"]["cells"] < 1


@pytest.mark.parametrize("start", [False, True])
def test_stories(finished: Finished, start: bool) -> None:
    story = stories.generate(random.Random(2))
    ids = ids_of("stories", story.prompt, start)
    end = bpe.id_of(native("stories"), bpe.END)
    told = finished("stories", story.prompt, ids, [*ids_of("stories", f" {story.body}"), end, end])
    assert told is not None
    assert told["exact"]
    assert set(told["marks"].values()) == {1.0}
    assert {"grammar", "plot", "consistent", "prompt"} <= told["marks"].keys()
    spoiled = finished("stories", story.prompt, ids, ids_of("stories", " The end of the tale."))
    assert spoiled is not None
    assert not spoiled["exact"]


def test_stories_with_gaps(finished: Finished) -> None:
    story = stories.generate(random.Random(4))
    cut = len(story.text) - 20
    ids, body = ids_of("infill", story.text[:cut]), ids_of("infill", story.text[cut:])
    told = finished("infill", story.text[:cut], ids, body)
    assert told is not None
    assert set(told["marks"].values()) == {1.0}
    without = finished("infill", "", ids_of("infill", story.body[:9]), body)
    assert without is not None
    assert not without["exact"]


def test_open_canvases_and_other_models_have_no_score(owner: User, session: Session) -> None:
    assert scores.score_of(session, state_at(session)) is None
    open_sum = made(owner, "addition", "1", ids_of("addition", "1"), 3)
    assert scores.score_of(open_sum, state_at(open_sum)) is None
