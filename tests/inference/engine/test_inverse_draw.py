"""Draws against the cumulative distribution, over small vocabularies and by stretches."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from inference.engine.inverse_draw import COLDEST, inverse_draw


def _logits(shape: tuple[int, int], seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * 4


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


@pytest.mark.parametrize("temperature", [0.01, 1.0])
@pytest.mark.parametrize("uniform", [0.0, 1e-40, 0.5, 1 - 1e-16])
def test_what_has_no_probability_is_never_drawn(temperature: float, uniform: float) -> None:
    logits = torch.full((1, 9000), -torch.inf)
    logits[0, 4500:4510] = torch.arange(10.0)
    logits[0, ::7] = -1000.0
    logits[0, 4505] = 300.0
    token = int(inverse_draw(logits, torch.tensor([uniform]), temperature, [4505])[0])
    assert 4500 <= token < 4510
    assert token != 4505
