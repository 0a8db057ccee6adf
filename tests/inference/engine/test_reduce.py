"""Reductions against their definitions, on rows that fit a portion and rows that do not."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from inference.engine.reduce import (
    COLDEST,
    best_token,
    divergences,
    entropies,
    inverse_draw,
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


@given(st.integers(0, 1000), st.integers(1, 400), st.floats(0.0, 1.0, exclude_max=True))
def test_a_draw_is_the_inverse_of_the_cumulative_distribution(
    seed: int, size: int, uniform: float
) -> None:
    logits = _logits((1, size), seed)
    token = int(inverse_draw(logits, torch.tensor([uniform]), 0.7)[0])
    cumulative = (logits.double() / 0.7).softmax(-1)[0].cumsum(0)
    assert float(cumulative[token]) >= uniform - 1e-5
    assert token == 0 or float(cumulative[token - 1]) <= uniform + 1e-5


@given(st.integers(0, 1000), st.floats(0.0, 1.0, exclude_max=True))
def test_barred_tokens_are_never_drawn(seed: int, uniform: float) -> None:
    logits = _logits((1, 12), seed)
    barred = [int(logits.argmax()), 0, 11]
    assert int(inverse_draw(logits, torch.tensor([uniform]), 0.5, barred)[0]) not in barred


@pytest.mark.parametrize("size", [50, 4096, 4097, 9000])
@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
def test_a_draw_tells_its_probability_and_keeps_to_the_law(size: int, temperature: float) -> None:
    """The token's stretch of the cumulative distribution holds the uniform number."""
    generator = torch.Generator().manual_seed(size)
    logits = torch.randn(40, size, generator=generator) * 3
    uniform = torch.rand(40, generator=generator, dtype=torch.float64)
    tokens, found = inverse_draw(logits, uniform, temperature, [7, size - 1])
    probs = (logits.double() / temperature).softmax(-1)
    shown = probs.gather(1, tokens[:, None])[:, 0]
    probs[:, [7, size - 1]] = 0
    shown = shown if temperature == 1.0 else shown / probs.sum(-1)
    assert torch.allclose(found.double(), shown, atol=1e-6)
    upper = probs.cumsum(-1) / probs.sum(-1, keepdim=True)
    high = upper.gather(1, tokens[:, None])[:, 0]
    low = high - (probs / probs.sum(-1, keepdim=True)).gather(1, tokens[:, None])[:, 0]
    assert bool(((low - 1e-6 <= uniform) & (uniform <= high + 1e-6)).all())


@pytest.mark.parametrize("size", [50, 9000])
@pytest.mark.parametrize("temperature", [1e-40, 0.01, 0.3, 1.0, 2.5])
@pytest.mark.parametrize("lead", [20.0, 500.0])
def test_what_barred_tokens_leave_is_drawn_by_its_own_law(
    size: int, temperature: float, lead: float
) -> None:
    """Though they own all that floats can tell apart; and what others' rows hold is no matter."""
    generator = torch.Generator().manual_seed(size)
    logits = torch.randn(40, size, generator=generator)
    uniform = torch.rand(40, generator=generator, dtype=torch.float64)
    barred = [0, 7, size - 1]
    logits[::2, barred] = logits.max() + lead
    tokens = inverse_draw(logits, uniform, temperature, barred)[0]
    alone = logits.clone()
    alone[:, barred] = -torch.inf
    wanted = (alone.double() / max(temperature, COLDEST)).softmax(-1)
    high = wanted.cumsum(-1).gather(1, tokens[:, None])[:, 0]
    low = high - wanted.gather(1, tokens[:, None])[:, 0]
    assert bool((wanted.gather(1, tokens[:, None]) > 0).all())
    assert bool(((low - 1e-4 <= uniform) & (uniform <= high + 1e-4)).all())
    each = [inverse_draw(logits[i : i + 1], uniform[i : i + 1], temperature, barred)[0]
            for i in range(40)]  # fmt: skip
    assert torch.equal(tokens, torch.cat(each))


def test_the_first_of_equals_is_the_largest() -> None:
    logits = torch.tensor([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])
    assert largest(logits).tolist() == [1, 0]
