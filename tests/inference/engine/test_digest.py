"""The digest: at any temperature probabilities within 1e-3 and entropies within 1e-2 nats."""

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

from inference.engine import digest
from inference.engine.digest import SMALL, encode
from inference.engine.digest_bytes import pack
from inference.engine.digest_device import columns_of
from inference.engine.digest_forms import KEEP
from inference.engine.digest_tail import nodes_for
from inference.engine.digest_view import DigestView
from inference.engine.digest_whole import best_ids
from inference.engine.errors import NonFiniteError
from inference.engine.families.spec import ModelSpec
from inference.engine.processing import Settings, candidates, summarise

BIG = 126_464
SIZES = [60, 130, 761, SMALL, SMALL + 1, BIG]
TEMPERATURES = np.geomspace(0.1, 10.0, 17).tolist()
BOUND, NATS = 1e-3, 1e-2


def _noise(seed: int, rows: int, size: int) -> Tensor:
    return torch.randn(rows, size, generator=torch.Generator().manual_seed(seed))


def _kinds(size: int, rows: int = 2, seed: int = 0) -> Iterator[tuple[str, Tensor]]:
    """Shapes of distributions that a vocabulary can take."""
    noise, place = _noise(seed, rows, size), torch.arange(size)
    flat = torch.zeros(rows, size)
    yield "equal", flat
    yield "flat", 0.01 * noise
    yield "normal", noise
    yield "wide", 4 * noise
    yield "peaked", noise + 15.0 * (place == 7)
    yield "two levels", 0.1 * noise + 5.0 * (place % 97 == 0)
    yield "two sharp levels", flat + 12.03 * (place < 140)
    yield "three sharp levels", flat + 9.1 * (place < 129) + 4.2 * (place == 150)
    yield "two sharp levels and a peak", flat + 3.0 * (place < 200) + 3.0 * (place == 0)
    yield "zipf", 0.05 * noise - 1.1 * (place + 1.0).log()
    yield "probable mask", noise + 12.0 * (place == 5)
    yield "mask as probable as all others", noise + torch.tensor(float(size)).log() * (place == 5)
    yield "half precision", (3 * noise).bfloat16().float()
    yield "ruled out", (2 * noise).masked_fill(place % 3 == 0, -torch.inf)
    yield "far below", (2 * noise).masked_fill(place % 3 == 0, -1e30)


KINDS = [name for name, _ in _kinds(8)]


def _errors(logits: Tensor, view: DigestView, mask: int | None) -> tuple[float, float]:
    """The largest errors over all temperatures: of a shown probability, of an entropy in nats."""
    worst, nats = 0.0, 0.0
    for temperature in TEMPERATURES:
        told = Settings(softmax_temperature=temperature)
        full = candidates(logits.double(), told, 100, [mask]).probs.numpy()
        shown = view.probabilities(temperature)[:, : full.shape[1]]
        worst = max(worst, float(np.abs(shown - full[:, : shown.shape[1]]).max()))
        exact = summarise(logits.double(), temperature=temperature).entropy.numpy()
        nats = max(nats, float(np.abs(view.entropy(temperature) - exact).max()))
    return worst, nats


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", KINDS)
def test_the_bounds_hold(kind: str, size: int) -> None:
    logits = dict(_kinds(size))[kind]
    worst, nats = _errors(logits, DigestView.from_bytes(encode(logits, [3, 9], [5])), 5)
    assert worst < BOUND
    assert nats < NATS


@pytest.mark.parametrize("size", [SMALL + 1, BIG])
@pytest.mark.parametrize("kind", KINDS)
def test_the_bounds_hold_where_a_device_reduces(kind: str, size: int) -> None:
    """What runs where logits lie on a GPU; on the CPU its arithmetic is the same."""
    logits = dict(_kinds(size))[kind]
    columns = columns_of(logits, [3, 9], [5], KEEP, nodes_for(size))
    form = columns.form(np.array([3, 9], "<u4"), np.array([5], "<u4"))
    worst, nats = _errors(logits, DigestView.from_bytes(pack(form)), 5)
    assert worst < BOUND
    assert nats < NATS


@pytest.mark.parametrize("size", [761, BIG])
def test_a_position_costs_at_most_450_bytes(size: int) -> None:
    """Random logits; those of models have more in common."""
    assert len(encode(2 * _noise(3, 64, size), range(64), [5])) <= 450 * 64


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 1 << 30),
    st.integers(2, 6000),
    st.floats(0.0, 8.0),
    st.floats(-20.0, 20.0),
)
def test_the_bounds_hold_for_any_vocabulary(
    seed: int, size: int, spread: float, shift: float
) -> None:
    logits = _noise(seed, 2, size) * spread + shift
    worst, nats = _errors(logits, DigestView.from_bytes(encode(logits, [0, 1])), None)
    assert worst < BOUND
    assert nats < NATS


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


@pytest.mark.parametrize("size", [2, 50, 70_000])
def test_confidence_and_entropy(size: int) -> None:
    logits = _noise(2, 3, size) * 2
    view = DigestView.from_bytes(encode(logits, [1, 2, 8]))
    exact = summarise(logits)
    assert view.positions.tolist() == [1, 2, 8]
    assert np.allclose(view.p1(), exact.p1.numpy(), atol=BOUND)
    assert np.allclose(view.entropy(), exact.entropy.numpy(), atol=1e-4)
    hot = summarise(logits, temperature=3.0)
    assert np.allclose(view.p1(Settings(softmax_temperature=3.0)), hot.p1.numpy(), atol=BOUND)
    assert np.allclose(view.entropy(3.0), hot.entropy.numpy(), atol=NATS)


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


@pytest.mark.parametrize("size", [200, SMALL + 1])
def test_a_zero_of_either_sign_is_as_far_from_the_best(size: int) -> None:
    """-0.0 - 0.0 is -0.0, whose bits are behind those of any difference."""
    logits = torch.full((2, size), -3.0)
    logits[0, 4], logits[0, 9], logits[1, 4], logits[1, 9] = -0.0, 0.0, 0.0, -0.0
    view = DigestView.from_bytes(encode(logits, [0, 1]))
    assert view.ids[:, :2].tolist() == [[4, 9], [4, 9]]


def test_no_open_position_gives_an_empty_digest() -> None:
    view = DigestView.from_bytes(encode(torch.zeros(0, 50), []))
    assert view.positions.tolist() == []
    assert view.entropy().tolist() == []


def test_a_position_that_was_not_open_is_a_key_error() -> None:
    view = DigestView.from_bytes(encode(_noise(1, 1, 30), [4]))
    with pytest.raises(KeyError):
        view.candidates(5, Settings())


@pytest.mark.parametrize("size", [60, 761, SMALL + 1])
@pytest.mark.parametrize("wrong", [torch.nan, torch.inf])
def test_a_logit_that_is_no_number_names_its_position(size: int, wrong: float) -> None:
    logits = _noise(1, 3, size)
    logits[1, 40] = wrong
    with pytest.raises(NonFiniteError, match="9"):
        encode(logits, [3, 9, 12], [40])
    with pytest.raises(NonFiniteError, match="12"):
        encode(torch.full((1, size), -torch.inf), [12])


def test_a_device_names_the_position_of_a_logit_that_is_no_number() -> None:
    logits = _noise(1, 3, SMALL + 1)
    logits[1, 40] = torch.nan
    with pytest.raises(NonFiniteError, match="9"):
        columns_of(logits, [3, 9, 12], [40], KEEP, 15)
    with pytest.raises(NonFiniteError, match="12"):
        columns_of(torch.full((1, SMALL + 1), -torch.inf), [12], [], KEEP, 15)


@pytest.mark.parametrize("size", [761, SMALL + 1])
def test_half_precision_and_what_is_read_before_writing_change_nothing(size: int) -> None:
    logits = _noise(6, 3, size).bfloat16()
    reduced = digest.reduce(logits, [0, 1, 2], [4])
    shown = DigestView(reduced.form)
    read = DigestView.from_bytes(reduced.to_bytes())
    assert reduced.to_bytes() == encode(logits.float(), [0, 1, 2], [4])
    assert (shown.ids == read.ids).all()
    assert (shown.probabilities(0.7) == read.probabilities(0.7)).all()
    assert (shown.entropy(0.7) == read.entropy(0.7)).all()


def test_markers_that_no_decoder_may_write_are_no_candidates() -> None:
    spec = ModelSpec("llada", 90, 64, mask_id=5, barred=(7, 5, 8))
    logits = _noise(4, 1, 90)
    logits[0, [5, 7, 8]] = 9.0
    view = DigestView.from_bytes(encode(logits, [0], digest.excluded_ids(spec)))
    assert not {5, 7, 8} & set(view.ids[0].tolist())
    assert view.p1()[0] == pytest.approx(float(logits.softmax(-1)[0, view.ids[0, 0]]), abs=1e-6)


def test_a_tail_of_impossible_tokens_weighs_nothing() -> None:
    for rows in (1, 2):  # alone, and beside one whose tail weighs
        logits = torch.full((rows, SMALL + 9), -torch.inf)
        logits[0, [8, 3, 90]] = torch.tensor([1.0, 2.0, 3.0])
        logits[1:] = _noise(4, rows - 1, SMALL + 9)
        for digested in (encode(logits, range(rows), [5]), _by_device(logits)):
            shares = DigestView.from_bytes(digested).probabilities(8.0)[0, :3]
            expected = (torch.tensor([3.0, 2.0, 1.0]) / 8).softmax(-1).numpy()
            assert shares == pytest.approx(expected, abs=1e-4)


def _by_device(logits: torch.Tensor) -> bytes:
    places = list(range(len(logits)))
    columns = columns_of(logits, places, [5], KEEP, nodes_for(logits.shape[1]))
    return pack(columns.form(np.asarray(places, "<u4"), np.asarray([5], "<u4")))


TASKS = """
import os, numpy, torch
from inference.engine import digest
torch.set_num_threads(2)
rows = torch.from_numpy(numpy.zeros((48, 761), numpy.float32))  # to fill it would be shared
wide = torch.from_numpy(numpy.zeros((2, 126464), numpy.float32))
begun = len(os.listdir("/proc/self/task"))
small, large = (lambda: digest.encode(rows, range(48), [1])), (lambda: digest.encode(wide, [1, 2]))
for work in (small, large, rows.half):
    work()
    print(len(os.listdir("/proc/self/task")) - begun)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
def test_no_operation_on_small_rows_is_shared_among_threads() -> None:
    """A helper of torch comes with the first operation that is shared: of these rows, with `half`
    as a whole, and with nothing of the digest.
    """
    done = subprocess.run([sys.executable, "-c", TASKS], capture_output=True, check=True, text=True)
    assert done.stdout.split() == ["0", "0", "1"]


@pytest.mark.parametrize("size", [KEEP, 300, 1 << 16, (1 << 16) + 1])
def test_of_equal_codes_the_lowest_ids_are_the_best(size: int) -> None:
    codes = np.random.default_rng(0).integers(0, 9, (3, size), "<u2")
    expected = np.sort(codes.argsort(axis=1, kind="stable")[:, :KEEP], axis=1)
    assert (best_ids(codes, KEEP) == expected).all()
