"""How many messages and requests are let pass."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
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


def test_a_name_has_one_bucket_and_others_their_own(settings: Settings) -> None:
    settings.SOCKET_RATE, settings.SOCKET_BURST = 0.001, 2
    assert [pace.LINKS.keeps("one") for _ in range(3)] == [True, True, False]
    assert pace.LINKS.keeps("other")


def test_memory_of_names_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "NAMES", 3)
    for number in range(10):
        pace.LINKS.keeps(str(number))
    assert len(pace.LINKS) <= 3


@pytest.mark.parametrize(
    ("rate", "per_second", "burst"),
    [("30/s", 30, 300), ("120/m", 2, 120), ("7/d", 7 / 86_400, 7)],
)
def test_a_rate_has_a_unit_and_room_for_a_burst(rate: str, per_second: float, burst: int) -> None:
    bucket = pace.bucket_of(rate)
    assert (bucket.rate, bucket.burst) == (per_second, burst)


PAGE = {"headers": {"accept": "text/html"}}


@pytest.mark.django_db
def test_an_account_that_asks_too_fast_is_held_up_and_others_are_not(
    settings: Settings, owner_client: Client, stranger_client: Client
) -> None:
    settings.HTTP_RATE = "3/d"
    codes = [owner_client.get("/sessions/", **PAGE).status_code for _ in range(4)]
    assert codes == [200, 200, 200, 429]
    page = owner_client.get("/sessions/", **PAGE)
    assert int(page.headers["Retry-After"]) > 0
    assert b"Too fast" in page.content
    told = owner_client.get("/sessions/").json()
    assert (told["type"], told["error_type"], told["retryable"]) == ("error", "rate_limit", True)
    assert stranger_client.get("/sessions/").status_code == 200
    assert owner_client.get("/healthz").status_code == 200  # probes are nobody's requests


@pytest.mark.django_db
def test_a_flood_of_visitors_without_cookies_makes_no_flood_of_accounts(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ALLOW_GUESTS = True
    monkeypatch.setattr(pace, "GUESTS_AT_ONCE", 2)
    codes = [Client().get("/", REMOTE_ADDR="192.0.2.1").status_code for _ in range(4)]
    assert codes == [200, 200, 429, 429]
    assert User.objects.count() == 2
    assert Client().get("/", REMOTE_ADDR="192.0.2.2").status_code == 200
