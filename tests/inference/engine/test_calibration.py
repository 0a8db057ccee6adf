"""Temperature scaling: the fit, the reliability bins, the calibration error."""

from __future__ import annotations

import math

import pytest
import torch

from inference.engine.calibration import (
    COLDEST,
    HOTTEST,
    Bin,
    calibrate,
    calibration_error,
    cross_fitted,
    fit_temperature,
    probabilities,
    reliability,
    table,
)


def drawn(sharpness: float, count: int = 4000) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores that are `sharpness` times as sure as the labels warrant."""
    generator = torch.Generator().manual_seed(5)
    true = torch.randn(count, 4, generator=generator, dtype=torch.float64) * 2
    labels = torch.multinomial(true.softmax(-1), 1, generator=generator)[:, 0]
    return true * sharpness, labels


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 3.0])
def test_the_temperature_undoes_what_was_too_sure(sharpness: float) -> None:
    scores, labels = drawn(sharpness)
    assert fit_temperature(scores, labels) == pytest.approx(sharpness, rel=0.06)


def test_no_other_temperature_has_less_loss() -> None:
    scores, labels = drawn(2.0, 200)

    def loss(temperature: float) -> float:
        shares = probabilities(scores, temperature)
        return float(-shares.gather(1, labels[:, None]).log().mean())

    best = fit_temperature(scores, labels)
    assert all(loss(best) <= loss(best * factor) for factor in (0.5, 0.9, 1.1, 2))


def test_the_error_falls_on_examples_that_the_fit_has_not_seen() -> None:
    scores, labels = drawn(4.0)
    told = calibrate(scores, labels, torch.arange(len(labels)))
    assert told["before"]["error"] > 0.1
    assert told["after"]["error"] < 0.03
    assert told["after"]["loss"] < told["before"]["loss"]
    assert told["count"] == len(labels)


def test_answers_that_are_always_right_or_of_no_worth_end_at_the_bounds() -> None:
    scores = torch.tensor([[2.0, 0.0], [0.0, 2.0]])
    assert fit_temperature(scores, torch.tensor([0, 1])) == pytest.approx(COLDEST)
    assert fit_temperature(scores, torch.tensor([1, 0])) == pytest.approx(HOTTEST)


def test_each_fold_is_judged_by_the_others() -> None:
    scores, labels = drawn(3.0, 50)
    groups = torch.arange(50)
    found = cross_fitted(scores, labels, groups)
    fold = groups % 5 == 2
    expected = probabilities(scores[fold], fit_temperature(scores[~fold], labels[~fold]))
    assert torch.allclose(found[fold], expected)


def test_bins_and_error_by_hand() -> None:
    shares = torch.tensor([[0.95, 0.05], [0.91, 0.09], [0.6, 0.4], [0.5, 0.5]])
    bins = reliability(shares, torch.tensor([0, 1, 0, 0]))
    assert [(one.low, one.high, one.count) for one in bins] == [
        (0.4, 0.5, 1), (0.5, 0.6, 1), (0.9, 1.0, 2),
    ]  # fmt: skip
    assert bins[-1].accuracy == 0.5
    assert bins[-1].confidence == pytest.approx(0.93)
    two = [Bin(0, 1, 1, 0.8, 1.0), Bin(0, 1, 3, 0.9, 0.6)]
    assert calibration_error(two) == pytest.approx(0.25 * 0.2 + 0.75 * 0.3)


def test_rows_may_have_different_numbers_of_choices() -> None:
    scores = table([[0.0, 1.0], [0.0, 1.0, 2.0]])
    shares = probabilities(scores, 1.0)
    assert shares[0, 2] == 0
    assert not math.isnan(fit_temperature(scores, torch.tensor([0, 1])))
