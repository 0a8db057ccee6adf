"""Reductions against their definitions, on rows that fit a portion and rows that do not."""

from __future__ import annotations

import pytest
import torch

from inference.engine.reduce import (
    best_token,
    divergences,
    entropies,
    largest,
    log_sum,
)

SHAPES = [(0, 10), (1, 1), (3, 40), (5, 70_000)]


def _logits(shape: tuple[int, int], seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * 4


@pytest.mark.parametrize("shape", SHAPES)
def test_definitions(shape: tuple[int, int]) -> None:
    logits, other = _logits(shape), _logits(shape, 1)
    logp, logq = logits.double().log_softmax(-1), other.double().log_softmax(-1)
    assert torch.allclose(log_sum(logits).double(), logits.double().logsumexp(-1), atol=1e-4)
    entropy = -(logp.exp() * logp).sum(-1)
    assert torch.allclose(entropies(logits).double(), entropy, atol=1e-3)
    wanted = (logp.exp() * (logp - logq)).sum(-1)
    assert torch.allclose(divergences(logits, other).double(), wanted, atol=2e-3, rtol=1e-3)


def test_impossible_tokens_add_nothing() -> None:
    logits = torch.tensor([[0.0, 0.0, -torch.inf]])
    assert float(entropies(logits)) == pytest.approx(0.6931, abs=1e-4)


def test_barred_tokens_are_passed_over_and_the_logits_stay() -> None:
    logits = _logits((6, 30))
    before = logits.clone()
    top = int(logits[2].argmax())
    found = best_token(logits, [top])
    assert top not in found.tolist()
    allowed = logits.clone()
    allowed[:, top] = -torch.inf
    assert torch.equal(found, allowed.argmax(-1))
    assert torch.equal(logits, before)


def test_the_first_of_equals_is_the_largest() -> None:
    logits = torch.tensor([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])
    assert largest(logits).tolist() == [1, 0]


@pytest.mark.parametrize("size", [60, 9000])
def test_differences_beyond_single_precision_count_for_nothing(size: int) -> None:
    logits = torch.full((2, size), -500.0)
    logits[:, :4] = torch.tensor([0.0, 0.0, 0.0, -95.0])
    logits[1, 9:] = -torch.inf
    third = torch.tensor(3.0).log().expand(2)
    assert torch.allclose(log_sum(logits), third)
    assert torch.allclose(entropies(logits), third)
    before = logits.clone()
    before[:, 0] = -200.0
    wanted = (200.0 - torch.tensor(1.5).log()) / 3 - 2 * torch.tensor(1.5).log() / 3
    assert torch.allclose(divergences(logits, before), wanted.expand(2), rtol=1e-4)
