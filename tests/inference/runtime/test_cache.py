"""The logits cache: equal content hits, the budget holds, the oldest goes first."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from inference.runtime.cache import LogitsCache, content_key

KILO = torch.zeros(250)  # 1000 bytes


def test_keys_tell_contents_apart() -> None:
    keys = {
        content_key("m", [1, 2], [0]),
        content_key("n", [1, 2], [0]),
        content_key("m", [1, 3], [0]),
        content_key("m", [1, 2], [1]),
        content_key("m", [1, 2, 0], []),
        content_key("m", [1], [2, 0]),
        content_key("m", [], [1, 2, 0]),
    }
    assert len(keys) == 7
    assert content_key("m", [1, 2], [0]) == content_key("m", (1, 2), (0,))


def test_the_least_recently_used_goes_first() -> None:
    cache = LogitsCache(3000)
    for name in (b"a", b"b", b"c"):
        cache.put(name, KILO)
    assert cache.get(b"a") is not None
    cache.put(b"d", KILO)
    assert cache.get(b"b") is None
    assert cache.get(b"a") is not None
    assert cache.metrics() == {
        "hits": 2, "misses": 1, "evictions": 1, "held": 3000, "budget": 3000, "entries": 3,
    }  # fmt: skip


def test_what_exceeds_the_whole_budget_is_not_kept() -> None:
    cache = LogitsCache(999)
    cache.put(b"a", KILO)
    assert cache.get(b"a") is None
    assert cache.metrics()["held"] == 0


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 40)), max_size=60))
def test_the_budget_always_holds(writes: list[tuple[int, int]]) -> None:
    cache = LogitsCache(200)
    for name, size in writes:
        cache.put(bytes([name]), torch.zeros(size))
        assert cache.counters.held <= 200
    held = sum(t.numel() * t.element_size() for t in cache._entries.values())
    assert cache.counters.held == held
