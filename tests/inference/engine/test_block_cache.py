"""Finished blocks reused: the same logits, of fewer places."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import DynamicCache

from inference.engine import block_cache, checkpoint
from inference.engine.block_cache import BlockForward
from inference.engine.canvas import Canvas
from inference.engine.causal.prefixes import PrefixStore
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.loop import generate
from inference.engine.errors import InputError, NonFiniteError
from inference.engine.forward import Request, forward_many
from tests.inference.engine.models import MASK, VOCAB, write_model

FAMILIES = ("block_llama", "llada2", "sdar", "fast-dllm-v2")


@pytest.fixture(params=FAMILIES)
def model(request: pytest.FixtureRequest, tmp_path: Path) -> LoadedModel:
    return checkpoint.load(write_model(tmp_path, request.param))


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many places each forward of the cache computed."""
    counts: list[int] = []
    inner = block_cache.hidden_states

    def counted(model: LoadedModel, ids: Tensor, *rest: object) -> Tensor:
        counts.append(ids.shape[1])
        return inner(model, ids, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(block_cache, "hidden_states", counted)
    return counts


def test_a_run_comes_to_the_same_tokens_and_logits_with_less_work(
    model: LoadedModel, places: list[int]
) -> None:
    canvas = Canvas.start(list(range(1, 11)), 30, MASK)
    settings = {"block_length": 4, "temperature": 0.7, "tokens_per_step": 1}
    forward = BlockForward(PrefixStore(2**24))
    whole = list(generate(model, canvas, "rank/high_confidence", settings, seed=3))
    kept = list(generate(model, canvas, "rank/high_confidence", settings, seed=3, forward=forward))
    assert [step.canvas.tokens for step in kept] == [step.canvas.tokens for step in whole]
    for one, other in zip(kept, whole, strict=True):
        assert one.positions == other.positions
        assert (one.logits - other.logits).abs().max() < 1e-4
    assert len(places) == len(whole)
    assert sum(places) < 0.75 * 40 * len(whole)
    assert max(places[-3:]) <= 8  # shifted rows are read from the block before


@pytest.mark.parametrize("rows", [[0], [3, 4], [17], [21, 22], list(range(23))])
def test_any_rows_equal_those_of_the_whole(rows: list[int], model: LoadedModel) -> None:
    store = PrefixStore(2**24)
    forward = BlockForward(store)
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(0, VOCAB, (23,), generator=generator)
    for changed in (0, 9, 22, 9):  # what is kept fits up to the block that changed
        ids = ids.clone()
        ids[changed] = (ids[changed] + 1) % VOCAB
        request = Request(ids, torch.tensor(rows))
        mine, other = forward(model, [request])[0], forward_many(model, [request])[0]
        assert (mine - other).abs().max() < 1e-4


def test_other_models_and_requests_go_through_as_they_are(tmp_path: Path) -> None:
    calls: list[int] = []

    def run(model: LoadedModel, requests: Sequence[Request]) -> list[Tensor]:
        calls.append(len(requests))
        return forward_many(model, requests)

    forward = BlockForward(PrefixStore(2**24), run)
    block = checkpoint.load(write_model(tmp_path / "a", "block_llama"))
    full = checkpoint.load(write_model(tmp_path / "b", "dream"))
    ids = torch.arange(9)
    forward(full, [Request(ids, torch.tensor([3]))])
    forward(block, [Request(ids)])
    forward(block, [Request(ids, torch.tensor([], dtype=torch.long))])
    eye = torch.eye(9, dtype=torch.bool)
    forward(block, [Request(ids, torch.tensor([3]), eye)])
    assert calls == [1, 1, 1, 1]
    with pytest.raises(InputError):
        forward(block, [Request(torch.arange(200) % 9, torch.tensor([3]))])


def test_kept_keys_are_the_bits_that_were_computed(model: LoadedModel) -> None:
    """Whoever finds finished blocks, in whatever order the blocks came, reads the same float32
    numbers; nothing is rounded, moved or computed again."""
    ids = torch.randint(0, VOCAB, (24,), generator=torch.Generator().manual_seed(2))
    request = Request(ids, torch.tensor([22, 23]))
    store = PrefixStore(2**24)
    BlockForward(store)(model, [request])  # computes the blocks before, and keeps them
    kept = store.find(model.key, ids[:21].tolist())
    assert kept is not None
    whole = DynamicCache()
    seen = block_cache.structure(model, 24)[None, None]
    block_cache.hidden_states(model, ids[None], seen, torch.arange(24)[None], whole)
    computed = [part[0, :, : kept.length] for part in block_cache._parts(whole)]
    assert kept.length == 20
    assert all(map(torch.equal, kept.parts, computed))
    first, second = (BlockForward(store)(model, [request])[0] for _ in range(2))
    assert torch.equal(first, second)
    other = ids.clone()
    other[22] = (other[22] + 1) % VOCAB  # another session on the same blocks, in between
    BlockForward(store)(model, [Request(other, torch.tensor([22, 23]))])
    assert torch.equal(BlockForward(store)(model, [request])[0], first)


def test_drafts_of_a_block_share_a_forward(model: LoadedModel, places: list[int]) -> None:
    """The beginning that they have in common is computed once; others have their own forward."""
    forward = BlockForward(PrefixStore(2**24))
    generator = torch.Generator().manual_seed(2)
    ids = torch.randint(0, VOCAB, (23,), generator=generator)
    drafts = [ids, ids.clone(), ids.clone(), ids.roll(1)]
    drafts[1][18], drafts[2][17] = (ids[18] + 1) % VOCAB, (ids[17] + 2) % VOCAB
    requests = [Request(draft, torch.tensor([17, 18])) for draft in drafts]
    for _ in range(2):
        for mine, request in zip(forward(model, requests), requests, strict=True):
            assert (mine - forward_many(model, [request])[0]).abs().max() < 1e-4
    assert places == [20, 4, 20, 4, 4]


def test_numbers_that_are_none_are_noticed(model: LoadedModel) -> None:
    with torch.no_grad():
        model.model.get_input_embeddings().weight[7, 0] = float("nan")  # type: ignore[operator]
    forward = BlockForward(PrefixStore(2**24))
    sound, spoilt = torch.tensor([1, 2, 3, 4, 5, 6]), torch.tensor([1, 2, 3, 4, 7, 6])
    assert forward(model, [Request(sound, torch.tensor([4, 5]))])[0].isfinite().all()
    with pytest.raises(NonFiniteError):
        forward(model, [Request(spoilt, torch.tensor([2, 5]))])
