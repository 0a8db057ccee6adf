"""The noise masks what it may, and the bound is the one that counting gives."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from inference.engine.training.noise import (
    Batch,
    diffusion_loss,
    elbo_nats,
    mask_out,
    stratified_times,
)

from .toy import Repeats, toy_model


@given(st.integers(1, 64), st.floats(0.05, 1.0), st.integers(0, 1000))
def test_times_are_spread_evenly(count: int, longest: float, seed: int) -> None:
    times = np.sort(stratified_times(count, np.random.default_rng(seed), longest))
    assert times[0] > 0
    assert times[-1] <= longest
    cells = np.floor((times / longest - 1e-3) / (1 - 1e-3) * count - 1e-9)
    assert len(set(cells)) >= count - 1


def test_only_maskable_tokens_are_masked() -> None:
    rng = np.random.default_rng(0)
    batch = Repeats().batch(200, rng)
    batch.maskable[:, :4] = False
    noised, masked = mask_out(batch, np.full(200, 0.5), 1, rng)
    assert not masked[:, :4].any()
    assert 0.45 < masked[:, 4:].mean() < 0.55
    assert (noised[masked] == 1).all()
    assert (noised[~masked] == batch.ids[~masked]).all()


def test_the_bound_of_a_uniform_guess_is_the_log_of_the_vocabulary() -> None:
    batch = Repeats().batch(50, np.random.default_rng(0))
    batch.maskable[:, :2] = False
    nats = elbo_nats(
        lambda ids: torch.zeros(*ids.shape, 7), Batch(batch.ids % 7, batch.maskable), 6
    )
    assert nats == pytest.approx(50 * 10 * np.log(7), rel=1e-5)


def test_the_bound_of_perfect_knowledge_is_zero() -> None:
    batch = Repeats().batch(20, np.random.default_rng(0))
    truth = torch.nn.functional.one_hot(torch.from_numpy(batch.ids), 12).float() * 1000
    assert elbo_nats(lambda ids: truth, batch, mask_id=1) == 0


def test_the_loss_is_near_the_log_of_the_vocabulary_before_training() -> None:
    batch = Repeats().batch(512, np.random.default_rng(0))
    loss = diffusion_loss(toy_model(), batch, np.random.default_rng(1))
    assert loss.item() == pytest.approx(np.log(12), rel=0.15)
