"""Logits found again by content, within a budget of bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from inference.engine.cache import CachedForward, LogitsCache, cache_key
from inference.engine.checkpoint import LoadedModel
from inference.engine.forward import Request, forward_many

Tiny = Callable[[str], LoadedModel]
ROWS = torch.tensor([1, 3, 5])


def _filled(cache: LogitsCache, name: str, value: float = 1.0) -> tuple[str, str]:
    key = ("model", name)
    cache.put(key, ROWS, torch.full((3, 10), value), torch.float32)
    return key


def _bytes(entries: int) -> int:
    return entries * (3 * 10 * 4 + 3 * 8)


def test_rows_that_are_there_are_found_and_others_not() -> None:
    cache = LogitsCache(1 << 20)
    key = _filled(cache, "a")
    for rows, there in (([1, 5], True), ([3], True), ([], True), ([2], False), ([1, 6], False)):
        found = cache.get(key, torch.tensor(rows, dtype=torch.long))
        assert (found is not None) == there
        assert found is None or found.shape == (len(rows), 10)
    assert cache.get(("model", "b"), ROWS) is None
    assert (cache.stats()["hits"], cache.stats()["misses"]) == (3, 3)


def test_the_least_recently_used_goes_first() -> None:
    cache = LogitsCache(_bytes(2))
    first, second = _filled(cache, "a"), _filled(cache, "b")
    assert cache.get(first, ROWS) is not None
    third = _filled(cache, "c")
    assert cache.get(second, ROWS) is None
    assert cache.get(first, ROWS) is not None
    assert cache.get(third, ROWS) is not None
    assert cache.stats()["evictions"] == 1
    assert cache.stats()["bytes"] == _bytes(2)


def test_pinned_entries_stay_until_they_are_let_go() -> None:
    cache = LogitsCache(_bytes(1))
    first = _filled(cache, "a")
    with cache.pinned(first):
        _filled(cache, "b")
        assert cache.get(first, ROWS) is not None
    _filled(cache, "c")
    assert cache.get(first, ROWS) is None
    assert cache.stats()["bytes"] <= _bytes(1)


def test_what_exceeds_the_budget_is_not_kept() -> None:
    cache = LogitsCache(10)
    assert cache.get(_filled(cache, "a"), ROWS) is None
    assert cache.stats()["bytes"] == 0


def test_fewer_rows_do_not_replace_more() -> None:
    cache = LogitsCache(1 << 20)
    key = _filled(cache, "a")
    cache.put(key, torch.tensor([1]), torch.zeros(1, 10), torch.float32)
    assert cache.get(key, ROWS) is not None
    assert cache.stats()["bytes"] == _bytes(1)


def test_logits_of_other_positions_or_masks_are_never_kept(tiny: Tiny) -> None:
    cache, model, ids = LogitsCache(1 << 20), tiny("llada"), torch.arange(6)
    plain = CachedForward(cache)(model, [Request(ids, ROWS)])[0]
    moved = Request(ids, ROWS, positions=3 * ids)
    hidden = Request(ids, ROWS, attend=torch.eye(6, dtype=torch.bool))
    for request in (moved, hidden):
        rows = CachedForward(cache)(model, [request])[0]
        assert torch.equal(rows, forward_many(model, [request])[0])
        assert not torch.allclose(rows, plain, atol=1e-3)
    assert torch.equal(CachedForward(cache)(model, [Request(ids, ROWS)])[0], plain)


def test_unloading_drops_a_model_and_no_other(tiny: Tiny) -> None:
    cache, model, other = LogitsCache(1 << 20), tiny("llada"), tiny("dream")
    cached = CachedForward(cache)
    for each in (model, other):
        cached(each, [Request(torch.arange(6), ROWS)])
    cache.drop(model)
    assert cache.get(cache_key(model, range(6)), ROWS) is None
    assert cache.get(cache_key(other, range(6)), ROWS) is not None


def test_a_cached_forward_runs_only_what_is_new(tiny: Tiny) -> None:
    ran: list[int] = []

    def run(model: LoadedModel, requests: Sequence[Request]) -> list[Tensor]:
        ran.append(len(requests))
        return forward_many(model, requests)

    model = tiny("llada")
    cached = CachedForward(LogitsCache(1 << 20), run)
    first, second = Request(torch.arange(6), ROWS), Request(torch.arange(1, 9), ROWS)
    once = cached(model, [first])
    both = cached(model, [first, second])
    again = cached(model, [second, Request(torch.arange(6), ROWS[1:])])
    assert ran == [1, 1]
    assert torch.equal(both[0], once[0])
    assert torch.equal(again[0], both[1])
    assert torch.equal(again[1], once[0][1:])


def test_unsorted_rows_are_kept_in_their_place(tiny: Tiny) -> None:
    cached, model = CachedForward(LogitsCache(1 << 20)), tiny("llada")
    rows = torch.tensor([5, 1])
    fresh = cached(model, [Request(torch.arange(6), rows)])[0]
    assert torch.equal(cached(model, [Request(torch.arange(6), rows)])[0], fresh)


def test_a_part_of_a_larger_forward_is_kept_without_the_rest(tiny: Tiny) -> None:
    cache, table = LogitsCache(1 << 20), torch.randn(2, 3, 10)

    def run(model: LoadedModel, requests: Sequence[Request]) -> list[Tensor]:
        return list(table)

    model = tiny("llada")
    CachedForward(cache, run)(model, [Request(torch.arange(6), ROWS), Request(torch.ones(6), ROWS)])
    table.zero_()
    found = cache.get(cache_key(model, range(6)), ROWS)
    assert found is not None
    assert found.abs().sum() > 0
