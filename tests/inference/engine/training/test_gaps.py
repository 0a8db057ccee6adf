"""Rows of gap filling can always be brought back to the original by their answers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from inference.engine.corpora.bpe import DELETE, EXPAND
from inference.engine.training.gaps import GapIds, GapRow, choose_gap, gap_loss, hide, stack
from inference.engine.training.infill_task import (
    Gaps,
    cases,
    gap_ids,
    held_out,
    infill_tokenizer,
    sentence_bounds,
)
from inference.engine.training.noise import diffusion_loss
from inference.engine.training.story_task import story_tokenizer

from .toy import Repeats, toy_model

SPECIAL = GapIds(mask=1, expand=8, delete=9)
IDS = list(range(20, 40))


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    """The stories' own, with the two tokens that change the length."""
    return infill_tokenizer(0)


def pieces(row: GapRow) -> list[int]:
    """The tokens that the answers write, without expand and delete."""
    return [a for a in row.answers if a not in (SPECIAL.expand, SPECIAL.delete)]


@given(st.integers(0, 19), st.integers(1, 20), st.integers(0, 10_000))
def test_rows_hide_only_the_gap(start: int, length: int, seed: int) -> None:
    gap = (start, min(20, start + length))
    row = hide(IDS, gap, SPECIAL, np.random.default_rng(seed))
    assert len(row.shown) == len(row.answers) == len(row.weights)
    assert row.shown[:start] == IDS[:start]
    assert row.shown[len(row.shown) - (20 - gap[1]) :] == IDS[gap[1] :]
    for shown, answer, weight in zip(row.shown, row.answers, row.weights, strict=True):
        assert (shown == SPECIAL.mask) == (weight > 0)
        assert weight > 0 or shown == answer
    written = pieces(row)
    assert written == [token for token in IDS if token in written]  # in order, none twice
    if SPECIAL.expand not in row.answers:
        assert written == IDS


@given(st.integers(0, 10_000))
def test_expand_ends_a_run_and_delete_follows_what_is_missing(seed: int) -> None:
    row = hide(IDS, (3, 15), SPECIAL, np.random.default_rng(seed))
    for i, answer in enumerate(row.answers[:-1]):
        if answer == SPECIAL.expand:
            assert row.shown[i + 1] != SPECIAL.mask
        if answer == SPECIAL.delete:
            assert row.answers[i + 1] == SPECIAL.delete or row.shown[i + 1] != SPECIAL.mask


def test_a_run_of_deletions_counts_as_one_token() -> None:
    for seed in range(50):
        row = hide(IDS, (0, 20), SPECIAL, np.random.default_rng(seed))
        deleted = [w for a, w in zip(row.answers, row.weights, strict=True) if a == SPECIAL.delete]
        runs = sum(
            a == SPECIAL.delete and (i == 0 or row.answers[i - 1] != SPECIAL.delete)
            for i, a in enumerate(row.answers)
        )
        assert sum(deleted) == pytest.approx(runs)


def test_gaps_are_sentences_or_spans_inside_the_story() -> None:
    rng, bounds = np.random.default_rng(0), [8, 13, 20]
    gaps = [choose_gap(bounds, 5, 20, rng) for _ in range(300)]
    assert all(5 <= start < end <= 20 for start, end in gaps)
    whole = [gap for gap in gaps if gap[0] in (5, 8, 13) and gap[1] in bounds]
    assert 0.6 < len(whole) / 300 < 0.95


def test_sentences_end_at_their_marks() -> None:
    assert sentence_bounds([5, 6, 3, 5, 3, 7], 1, {3}) == [3, 5, 6]


def test_batches_of_stories(tokenizer: Tokenizer) -> None:
    special = gap_ids(tokenizer)
    batch = Gaps(tokenizer, 0, count=200).batch(16, np.random.default_rng(0))
    assert batch.ids.shape == batch.shown.shape == batch.weights.shape
    assert (batch.shown[batch.maskable] == special.mask).all()
    assert (batch.shown[~batch.maskable] == batch.ids[~batch.maskable]).all()
    assert (batch.shown == special.expand).sum() == 0


def test_the_tokenizer_extends_that_of_the_stories(tokenizer: Tokenizer) -> None:
    stories, infill = story_tokenizer(0), tokenizer
    size = stories.get_vocab_size()
    assert infill.get_vocab_size() == size + 2
    assert {infill.id_to_token(size), infill.id_to_token(size + 1)} == {EXPAND, DELETE}
    text = "Tell a story about Ben."
    assert stories.encode(text).ids == infill.encode(text).ids


def test_cases_start_with_different_numbers_of_masks(tokenizer: Tokenizer) -> None:
    mask = gap_ids(tokenizer).mask
    made = cases(tokenizer, 4, 0)
    assert [case.prompt_ids.count(mask) for case in made] == [2, 6, 12, 20]
    held = held_out(tokenizer, 5)
    assert held.tokens == held.batch.maskable.sum() > 15


def test_the_loss_is_the_weighted_mean_at_the_masks() -> None:
    rows = [GapRow([5, 1, 1], [5, 6, 7], [0.0, 1.0, 0.5]), GapRow([5, 1], [5, 9], [0.0, 1.0])]
    batch = stack(rows, end_id=0)
    assert batch.shown.tolist() == [[5, 1, 1, 0, 0, 0, 0, 0], [5, 1, 0, 0, 0, 0, 0, 0]]
    model = toy_model()
    logits = model(torch.from_numpy(batch.shown)).log_softmax(-1)
    nats = [-logits[0, 1, 6], -0.5 * logits[0, 2, 7], -logits[1, 1, 9]]
    loss = gap_loss(model, batch, np.random.default_rng(0))
    assert loss.item() == pytest.approx(sum(n.item() for n in nats) / 2.5, rel=1e-5)


def test_the_losses_do_not_take_each_others_batches_silently() -> None:
    batch = Repeats().batch(4, np.random.default_rng(0))
    with pytest.raises(TypeError):
        gap_loss(toy_model(), batch, np.random.default_rng(0))
    assert diffusion_loss(toy_model(), batch, np.random.default_rng(0)).item() > 0
