"""Packed documents: canvases fit, prompts are kept as promised, the rest is end-of-text."""

from __future__ import annotations

import numpy as np
import pytest
from tokenizers import Tokenizer

from inference.engine.corpora.bpe import END, START, id_of
from inference.engine.training.rows import Document, PackedDocuments
from inference.engine.training.story_task import (
    CANVASES,
    CONTEXT,
    encode_story,
    held_out,
    held_out_stories,
    story_documents,
    story_tokenizer,
)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    """Of the stories."""
    return story_tokenizer(samples=2000)


def packed() -> PackedDocuments:
    documents = [
        Document([2, 5, 6, 7], prompt_length=3),
        Document([2, 8, 9, 5, 6, 7, 5], prompt_length=3, foreign_prompt=True),
    ]
    return PackedDocuments(documents, {6: 0.5, 10: 0.5}, end_id=0)


def test_a_document_is_only_put_where_an_end_fits_behind_it() -> None:
    corpus, rng = packed(), np.random.default_rng(0)
    for _ in range(50):
        ids = corpus.batch(8, rng).ids
        assert ids.shape[1] in (6, 10)
        assert (ids[:, -1] == 0).all()
        if ids.shape[1] == 6:
            assert (ids[:, :4] == [2, 5, 6, 7]).all()


def test_foreign_prompts_and_start_tokens_are_never_masked() -> None:
    corpus, rng = packed(), np.random.default_rng(0)
    seen = {True: 0, False: 0}
    for _ in range(50):
        batch = corpus.batch(8, rng)
        foreign = batch.ids[:, 1] == 8
        assert not batch.maskable[foreign, :3].any()
        assert not batch.maskable[:, 0].any()
        assert batch.maskable[:, 3:].all()
        for kept in ~batch.maskable[~foreign, 1]:
            seen[bool(kept)] += 1
    assert 0.5 < seen[True] / (seen[True] + seen[False]) < 0.7


def test_all_story_documents_fit_the_canvases(tokenizer: Tokenizer) -> None:
    documents = story_documents(tokenizer, 2000, seed=0)
    longest = max(len(d.ids) for d in documents)
    assert longest < max(CANVASES) <= CONTEXT
    assert CONTEXT >= 128
    assert sum(CANVASES.values()) == pytest.approx(1)
    with_start = sum(d.ids[0] == id_of(tokenizer, START) for d in documents)
    assert 0.45 < with_start / 2000 < 0.55
    assert 0.07 < sum(d.foreign_prompt for d in documents) / 2000 < 0.13


def test_training_documents_are_the_same_for_a_seed(tokenizer: Tokenizer) -> None:
    assert story_documents(tokenizer, 50, seed=3) == story_documents(tokenizer, 50, seed=3)
    assert story_documents(tokenizer, 50, seed=3) != story_documents(tokenizer, 50, seed=4)


def test_the_prompt_is_a_prefix_of_the_document(tokenizer: Tokenizer) -> None:
    story = held_out_stories(1)[0]
    document = encode_story(tokenizer, story)
    alone = tokenizer.encode(story.prompt).ids
    assert document.ids[: document.prompt_length] == alone
    assert tokenizer.decode(document.ids) == story.text


def test_held_out_documents_are_counted_with_their_end(tokenizer: Tokenizer) -> None:
    held = held_out(tokenizer, 10)
    end = id_of(tokenizer, END)
    story_tokens = ((held.batch.ids != end) & held.batch.maskable).sum()
    assert held.tokens == story_tokens + 10
