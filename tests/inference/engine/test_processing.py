"""Temperature, filters, candidates, draws."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from inference.engine.errors import InputError
from inference.engine.inverse_draw import inverse_draw as draw
from inference.engine.processing import (
    Settings,
    candidates,
    keep_top_k,
    keep_top_p,
    summarise,
)

MASK = 3


def _logits(seed: int, rows: int = 3, size: int = 40, spread: float = 2.0) -> Tensor:
    return torch.randn(rows, size, generator=torch.Generator().manual_seed(seed)) * spread


seeds = st.integers(0, 10_000)


@given(seeds, st.floats(0.1, 10.0), st.floats(0.01, 1.0), st.integers(1, 60))
def test_candidates_follow_the_definition(seed: int, temperature: float, p: float, k: int) -> None:
    logits = _logits(seed)
    settings = Settings(softmax_temperature=temperature, top_p=p, actual_top_k=k)
    found = candidates(logits, settings, 20, exclude=[MASK])
    full = (logits.double() / temperature).softmax(-1)
    assert torch.allclose(found.probs.double(), full.gather(1, found.ids), atol=1e-5)
    assert not (found.ids == MASK).any()
    assert (found.probs.diff(dim=-1) <= 0).all()
    assert (found.probs.sum(-1) <= 1 + 1e-5).all()
    before = found.probs.cumsum(-1) - found.probs
    for row in range(3):
        for rank in range(20):
            wanted = rank == 0 or (rank < k and bool(before[row, rank] < p))
            assert bool(found.in_actual[row, rank]) == wanted


def test_the_token_that_crosses_the_threshold_is_kept() -> None:
    logits = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log()
    kept = candidates(logits, Settings(top_p=0.6), 4).in_actual[0].tolist()
    assert kept == [True, True, False, False]


def test_the_excluded_token_keeps_its_share() -> None:
    logits = torch.tensor([[0.0, 0.0, 0.0, 5.0]])
    found = candidates(logits, Settings(), 4, exclude=[3])
    assert float(found.probs[0, :3].sum()) < 0.03
    assert not bool(found.in_actual[0, 3])


def test_noise_is_added_only_when_it_is_switched_on() -> None:
    logits = _logits(1)
    loud = Settings(gumbel_temperature=1.0, apply_gumbel_noise=True)
    quiet = Settings(gumbel_temperature=1.0)
    generator = torch.Generator().manual_seed(0)
    plain = candidates(logits, Settings(), 5)
    assert torch.equal(candidates(logits, quiet, 5, generator=generator).logits, plain.logits)
    noisy = candidates(logits, loud, 5, generator=generator)
    assert not torch.equal(noisy.logits, plain.logits)
    again = candidates(logits, loud, 5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(noisy.ids, again.ids)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("softmax_temperature", 0.05),
        ("softmax_temperature", float("nan")),
        ("gumbel_temperature", 2.5),
        ("visual_top_k", 0),
        ("visual_top_k", 101),
        ("actual_top_k", 50001),
        ("top_p", 0.0),
        ("top_p", float("inf")),
    ],
)
def test_settings_out_of_range_name_the_field(name: str, value: float) -> None:
    with pytest.raises(InputError) as caught:
        Settings(**{name: value})
    assert caught.value.field == name


@given(seeds, st.floats(0.01, 1.0))
def test_top_p_keeps_the_smallest_set_that_reaches_it(seed: int, p: float) -> None:
    logits = _logits(seed)
    kept = keep_top_p(logits, p) > -torch.inf
    probs = logits.softmax(-1)
    assert kept.any(-1).all()
    assert ((probs * kept).sum(-1) >= min(p, 1.0) - 1e-5).all()
    least = probs.masked_fill(~kept, 2.0).min(-1).values
    without = (probs * kept).sum(-1) - least
    assert ((without <= p + 1e-5) | (kept.sum(-1) == 1)).all()


@given(seeds, st.integers(1, 60))
def test_top_k_keeps_k(seed: int, k: int) -> None:
    kept = keep_top_k(_logits(seed), k) > -torch.inf
    assert (kept.sum(-1) == min(k, 40)).all()


@pytest.mark.parametrize("off", [None, 0])
def test_no_top_k_keeps_all(off: int | None) -> None:
    assert torch.equal(keep_top_k(_logits(1), off), _logits(1))


@given(seeds)
def test_summary_follows_the_definition(seed: int) -> None:
    logits = _logits(seed)
    found, full = summarise(logits, [MASK]), logits.double().softmax(-1)
    allowed = full.clone()
    allowed[:, MASK] = 0
    two = allowed.topk(2, dim=-1).values
    assert torch.equal(found.top, allowed.argmax(-1))
    assert torch.allclose(found.p1.double(), two[:, 0], atol=1e-5)
    assert torch.allclose(found.margin.double(), two[:, 0] - two[:, 1], atol=1e-5)
    assert torch.allclose(found.entropy.double(), -(full * full.log()).sum(-1), atol=1e-4)


def test_summary_of_a_row_with_impossible_tokens() -> None:
    logits = torch.tensor([[0.0, 0.0, -torch.inf]])
    assert float(summarise(logits).entropy) == pytest.approx(0.6931, abs=1e-3)


def test_draws_follow_the_distribution() -> None:
    logits = torch.tensor([[0.1, 0.2, 0.3, 0.4]]).log()
    uniform = torch.rand(20_000, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    drawn = Counter(draw(logits.expand(20_000, 4), uniform)[0].tolist())
    for token, share in enumerate((0.1, 0.2, 0.3, 0.4)):
        assert drawn[token] / 20_000 == pytest.approx(share, abs=0.015)


@given(seeds, st.floats(0.0, 1.0, exclude_max=True))
def test_a_draw_never_takes_what_is_impossible(seed: int, uniform: float) -> None:
    logits = _logits(seed, rows=1)
    logits[0, seed % 7 :: 2] = -torch.inf
    token = int(draw(logits, torch.tensor([uniform], dtype=torch.float64))[0])
    assert logits[0, token] > -torch.inf
