"""How many messages and requests are let pass."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from accounts import pace
from accounts.bucket import Bucket


def test_a_bucket_lets_bursts_pass_and_floods_not(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("accounts.bucket.time.monotonic", lambda: now)
    bucket = Bucket(rate=2, burst=5, filled=now)
    assert [bucket.take() for _ in range(7)] == [True] * 5 + [False] * 2
    now += 1
    assert [bucket.take() for _ in range(3)] == [True, True, False]


def test_a_name_has_one_bucket_and_others_their_own(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setattr(pace, "_buckets", {})
    settings.SOCKET_RATE, settings.SOCKET_BURST = 0.001, 2
    assert [pace.within_pace("one") for _ in range(3)] == [True, True, False]
    assert pace.within_pace("other")


def test_memory_of_names_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "_buckets", {})
    monkeypatch.setattr(pace, "NAMES", 3)
    for number in range(10):
        pace.within_pace(str(number))
    assert len(pace._buckets) <= 3
