"""The digest: every shown probability within 1e-3 at any temperature, top-p and top-k."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from inference.engine.digest import SMALL, encode
from inference.engine.digest_forms import KEEP, Dense, form_of, sparse_bytes
from inference.engine.digest_view import DigestError, DigestView
from inference.engine.processing import Settings, candidates, summarise

BIG = 126_464
TEMPERATURES = np.geomspace(0.1, 10.0, 41).tolist()
BOUND = 1e-3


def _noise(seed: int, rows: int, size: int) -> Tensor:
    return torch.randn(rows, size, generator=torch.Generator().manual_seed(seed))


def _kinds(size: int, rows: int = 2, seed: int = 0) -> Iterator[tuple[str, Tensor]]:
    """Shapes of distributions that a vocabulary can take."""
    noise, place = _noise(seed, rows, size), torch.arange(size)
    yield "flat", 0.01 * noise
    yield "normal", noise
    yield "wide", 4 * noise
    yield "peaked", noise + 15.0 * (place == 7)
    yield "two levels", 0.1 * noise + 5.0 * (place % 97 == 0)
    yield "zipf", 0.05 * noise - 1.1 * (place + 1.0).log()
    yield "probable mask", noise + 12.0 * (place == 5)


def _worst(logits: Tensor, view: DigestView, mask: int) -> float:
    """The largest error of a shown probability over all temperatures."""
    worst = 0.0
    for temperature in TEMPERATURES:
        full = candidates(logits, Settings(softmax_temperature=temperature), 100, [mask])
        shown = view.probabilities(temperature)[:, : full.probs.shape[1]]
        whole = full.probs.numpy()[:, : shown.shape[1]]
        worst = max(worst, float(np.abs(shown - whole).max()))
    return worst


@pytest.mark.parametrize("kind", [name for name, _ in _kinds(8)])
def test_the_bound_holds_for_a_large_vocabulary(kind: str) -> None:
    logits = dict(_kinds(BIG))[kind]
    data = encode(logits, [3, 9], exclude=[5])
    assert _worst(logits, DigestView.from_bytes(data), 5) < BOUND
    assert len(data) / 2 < 900


@pytest.mark.parametrize("size", [60, 761, SMALL])
@pytest.mark.parametrize("kind", [name for name, _ in _kinds(8)])
def test_the_bound_holds_for_a_small_vocabulary(kind: str, size: int) -> None:
    logits = dict(_kinds(size))[kind]
    data = encode(logits, [3, 9], exclude=[5])
    assert isinstance(form_of(data), Dense)
    assert _worst(logits, DigestView.from_bytes(data), 5) < BOUND
    assert len(data) / 2 < 2 * size + 40


@pytest.mark.parametrize("kind", [name for name, _ in _kinds(8)])
def test_the_bound_holds_for_what_the_browser_is_given(kind: str) -> None:
    logits = dict(_kinds(761))[kind]
    dense = encode(logits, [3, 9], exclude=[5])
    given, direct = sparse_bytes(dense), encode(logits, [3, 9], exclude=[5], small=0)
    assert len(given) == len(direct)
    assert _worst(logits, DigestView.from_bytes(given), 5) < BOUND


def test_sparse_bytes_are_left_as_they_are() -> None:
    data = encode(_noise(1, 2, 3000), [0, 1])
    assert sparse_bytes(data) == data
    assert sparse_bytes(encode(_noise(1, 2, 3000), [0, 1], compress=True)) == data
    assert len(DigestView.from_bytes(sparse_bytes(encode(torch.zeros(0, 50), []))).positions) == 0


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 1 << 30),
    st.integers(2, 3000),
    st.floats(0.0, 8.0),
    st.floats(-20.0, 20.0),
    st.floats(0.1, 10.0),
    st.sampled_from([0, SMALL, 3000]),
)
def test_the_bound_holds_for_any_vocabulary(
    seed: int, size: int, spread: float, shift: float, temperature: float, small: int
) -> None:
    logits = _noise(seed, 2, size) * spread + shift
    view = DigestView.from_bytes(encode(logits, [0, 1], small=small))
    full = candidates(logits, Settings(softmax_temperature=temperature), 100)
    shown = view.probabilities(temperature)[:, : full.probs.shape[1]]
    assert np.abs(shown - full.probs.numpy()).max() < BOUND


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1 << 30), st.floats(0.1, 10.0), st.floats(0.01, 1.0), st.integers(1, KEEP))
def test_membership_agrees_except_at_the_edge(
    seed: int, temperature: float, top_p: float, top_k: int
) -> None:
    logits = _noise(seed, 1, 2000) * 3
    wanted = Settings(softmax_temperature=temperature, top_p=top_p, actual_top_k=top_k)
    view = DigestView.from_bytes(encode(logits, [4]))
    full = candidates(logits, wanted, 50)
    before = (full.probs.cumsum(-1) - full.probs)[0].tolist()
    for shown, inside, mass in zip(
        view.candidates(4, wanted, 50), full.in_actual[0].tolist(), before, strict=True
    ):
        if abs(mass - top_p) > 5e-3:
            assert shown.is_in_actual == inside


@pytest.mark.parametrize("size", [200, 5000])
def test_ids_logits_and_ranks_are_those_of_the_forward(size: int) -> None:
    logits = _noise(1, 1, size) * 3
    view = DigestView.from_bytes(encode(logits, [12], exclude=[int(logits.argmax())]))
    full = candidates(logits, Settings(), 20, [int(logits.argmax())])
    shown = view.candidates(12, Settings(), 20)
    assert [c.token_id for c in shown] == full.ids[0].tolist()
    assert [c.rank for c in shown] == list(range(20))
    assert np.allclose([c.logit for c in shown], full.logits[0].tolist(), atol=5e-3)


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("size", [2, 50, 70_000])
def test_confidence_and_entropy(size: int, compress: bool) -> None:
    logits = _noise(2, 3, size) * 2
    view = DigestView.from_bytes(encode(logits, [1, 2, 8], compress=compress))
    exact = summarise(logits)
    assert view.positions.tolist() == [1, 2, 8]
    assert np.allclose(view.p1(), exact.p1.numpy(), atol=BOUND)
    assert np.allclose(view.entropy(), exact.entropy.numpy(), atol=1e-4)
    hot = summarise(logits, temperature=3.0)
    assert np.allclose(view.p1(Settings(softmax_temperature=3.0)), hot.p1.numpy(), atol=BOUND)
    assert np.allclose(view.entropy(3.0), hot.entropy.numpy(), atol=0.02)


def test_tokens_ruled_out_are_never_shown_and_keep_their_share() -> None:
    """Also one that is far likelier than all others, and one with probability 0."""
    logits = _noise(5, 2, 90)
    logits[:, 7] = 120.0
    logits[1, 8] = -torch.inf
    view = DigestView.from_bytes(encode(logits, [0, 1], exclude=[7]))
    assert 7 not in view.ids
    assert view.ids.shape == (2, 89)
    assert np.allclose(view.p1(), 0.0, atol=1e-30)
    assert np.allclose(view.entropy(), 0.0, atol=1e-6)
    assert view.ids[1, -1] == 8
    assert view.probabilities(10.0)[1, -1] == 0.0


def test_equal_tokens_stand_in_order_of_id() -> None:
    view = DigestView.from_bytes(encode(torch.ones(1, 40), [0], exclude=[3]))
    assert view.ids[0].tolist() == [i for i in range(40) if i != 3]


def test_no_open_position_gives_an_empty_digest() -> None:
    view = DigestView.from_bytes(encode(torch.zeros(0, 50), []))
    assert view.positions.tolist() == []
    assert view.entropy().tolist() == []


def test_a_position_that_was_not_open_is_a_key_error() -> None:
    view = DigestView.from_bytes(encode(_noise(1, 1, 30), [4]))
    with pytest.raises(KeyError):
        view.candidates(5, Settings())


@pytest.mark.parametrize("data", [b"", b"UMDG", b"nonsense" * 10, b"UMDZ" + b"x" * 20])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(DigestError):
        DigestView.from_bytes(data)


@pytest.mark.parametrize("size", [300, 3000])
def test_a_truncated_digest_is_refused(size: int) -> None:
    data = encode(_noise(1, 2, size), [0, 1], exclude=[4])
    for end in (*range(30), len(data) - 5):
        with pytest.raises(DigestError):
            DigestView.from_bytes(data[:end])


def test_other_versions_and_impossible_ids_are_refused() -> None:
    data = encode(_noise(1, 1, 300), [0], exclude=[4])
    for wrong in (data[:4] + b"\x09" + data[5:], data.replace(b"\x04\0\0\0", b"\xff" * 4, 1)):
        with pytest.raises(DigestError):
            DigestView.from_bytes(wrong)


def test_reading_needs_no_tensor_library() -> None:
    code = "import sys, inference.engine.digest_view; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
