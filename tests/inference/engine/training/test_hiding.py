"""What the copies of a document hide, and how much each hidden token counts."""

from __future__ import annotations

import torch

from inference.engine.training.adaptation.block_noise import Noise
from inference.engine.training.adaptation.documents import Document
from inference.engine.training.adaptation.hiding import KINDS, hide, soft_copies

BLOCK, BEGIN = 4, 9
AT = torch.arange(8, 8 + 200 * BLOCK)
END, MASK = 267, 265


def hidden(copies: int = 4, rate: float | None = None) -> torch.Tensor:
    """[copies, blocks, 4]"""
    found = hide(AT, BEGIN, BLOCK, copies, torch.Generator().manual_seed(0), rate)
    return found.view(copies, -1, BLOCK)


def test_each_kind_of_copy_hides_what_its_name_says() -> None:
    suffix, random, rest, gaps = hidden()
    assert bool((suffix[:, 1:] >= suffix[:, :-1]).all())
    assert bool(suffix[:, -1].all())
    assert set(suffix[1:].sum(1).tolist()) == {1, 2, 3, 4}
    assert torch.equal(random[1:] ^ rest[1:], torch.ones_like(rest[1:]))
    assert set(random[1:].sum(1).tolist()) == {0, 1, 2, 3, 4}
    assert set(gaps.sum(1).tolist()) == {1, 2}
    assert bool(gaps.any(0).all())
    assert list(KINDS) == ["suffix", "random", "rest", "gaps"]
    assert soft_copies(6).tolist() == [True, False, False, False, True, False]


def test_nothing_is_hidden_before_what_is_predicted() -> None:
    for found in (hidden(8), hidden(8, 1.0)):
        assert not bool(found[:, 0, 0].any())
    assert bool(hidden(2, 1.0)[:, 1:].all())
    assert 0.2 < float(hidden(8, 0.25).float().mean()) < 0.3


def written(ids: list[int]) -> Document:
    count = len(ids) - 3
    return Document(ids, 3, torch.zeros(count, 16).int(), torch.ones(count, 16).half() / 16)


def test_each_block_counts_the_same_whatever_it_hides() -> None:
    rows = Noise(BLOCK, MASK, END, copies=1).rows(
        [written([*range(11), END])],
        torch.Generator().manual_seed(0),
        torch.device("cpu"),
        1.0,
    )
    assert torch.allclose(rows.weights, torch.tensor([1.0, *[0.25] * 8]))


def test_an_answer_that_was_cut_off_gets_no_end() -> None:
    """What has ended is filled with ends; what the writer stopped is cut to whole blocks."""
    for ids, length in ((list(range(15)), 12), ([*range(14), END], 16)):
        rows = Noise(BLOCK, MASK, END).rows(
            [written(ids)], torch.Generator().manual_seed(0), torch.device("cpu")
        )
        clean = rows.seen.shape[-1]
        assert clean == length
        assert (END in rows.targets.tolist()) == (length == 16)
