"""How many messages and requests are let pass, and when those that are not may come again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.test import Client
from limits import RateLimitItemPerSecond
from pytest_django import Settings

from accounts import rate_limits
from accounts.rate_limits import RateLimit, address_key, messages_per_window, requests_per_window
from tests.servers import free_port


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """The time as limits and this module see it; it stands still. A window has just begun."""
    now = [1_000_000_000.5]
    monkeypatch.setattr("time.time", lambda: now[0])
    yield now
    rate_limits.reset()


def _limit(amount: int, seconds: int, shared: bool = False) -> RateLimit:
    return RateLimit("tests", lambda: RateLimitItemPerSecond(amount, seconds), shared)


def test_a_window_lets_bursts_pass_and_floods_not(clock: list[float]) -> None:
    limit = _limit(5, 10)
    assert [limit.hit("one") for _ in range(7)] == [True] * 5 + [False] * 2
    assert limit.hit("other")
    clock[0] += 10.5  # a tenth of the next window: a tenth of what filled the last one is forgotten
    assert [limit.hit("one") for _ in range(2)] == [True, False]


def test_whoever_waits_as_long_as_told_is_let_pass(clock: list[float]) -> None:
    limit = _limit(5, 10)
    for start in (0, 7):
        clock[0] += start
        while limit.hit("one"):
            pass
        assert limit.is_spent("one")
        wait = limit.retry_after("one")
        assert 1 <= wait <= 10
        clock[0] += wait
        assert limit.hit("one")


def test_a_refused_hit_costs_nothing_and_a_cleared_key_starts_afresh(clock: list[float]) -> None:
    limit = _limit(1, 10)
    assert [limit.hit("one") for _ in range(3)] == [True, False, False]
    limit.clear("one")
    assert limit.hit("one")


def test_any_number_of_names_makes_nobody_forgotten(clock: list[float]) -> None:
    limit = _limit(1, 1000)
    assert limit.hit("guesser")
    for number in range(10_001):
        limit.hit(f"visitor {number}")
    assert not limit.hit("guesser")


def test_names_are_forgotten_when_their_windows_have_passed(clock: list[float]) -> None:
    limit = _limit(1, 10)
    storage = rate_limits._memory().storage
    for number in range(100):
        limit.hit(number)
    clock[0] += 100
    limit.hit("late")
    storage.timer.join(10)
    assert len(storage.storage) <= 1


@pytest.mark.parametrize(
    ("rate", "amount", "seconds"), [("30/s", 300, 10), ("120/m", 120, 60), ("7/d", 7, 86_400)]
)
def test_a_rate_has_a_unit_and_room_for_a_burst(rate: str, amount: int, seconds: int) -> None:
    item = requests_per_window(rate)
    assert (item.amount, item.get_expiry()) == (amount, seconds)


@pytest.mark.parametrize(
    ("rate", "burst", "amount", "seconds"), [(50, 200, 200, 4), (5, 60, 60, 12), (50, 20, 50, 1)]
)
def test_messages_come_in_bursts_and_at_a_rate(
    rate: int, burst: int, amount: int, seconds: int
) -> None:
    item = messages_per_window(rate, burst)
    assert (item.amount, item.get_expiry()) == (amount, seconds)


def test_an_ipv6_network_counts_as_one_address() -> None:
    assert address_key("2001:db8:0:1::2") == address_key("2001:db8:0:1:ffff::3%eth0")
    assert address_key("2001:db8:0:1::2") != address_key("2001:db8:0:2::2")
    assert address_key("::ffff:192.0.2.1") == address_key("192.0.2.1")
    assert address_key("192.0.2.1") != address_key("192.0.2.2")
    assert address_key("not an address") != address_key("")


def test_while_redis_is_away_each_process_counts(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings.EMBEDDED, settings.REDIS_URL = False, f"redis://127.0.0.1:{free_port()}/0"
    limit = _limit(2, 1000, shared=True)
    assert [limit.hit("one") for _ in range(3)] == [True, True, False]
    assert [record.message for record in caplog.records] == [
        "rate limits are counted per process: ConnectionError"
    ]


@pytest.mark.servers
def test_the_processes_of_a_site_count_together(settings: Settings, redis_url: str) -> None:
    settings.EMBEDDED, settings.REDIS_URL = False, redis_url
    here, there = _limit(3, 1000, shared=True), _limit(3, 1000, shared=True)
    assert [here.hit("one"), there.hit("one"), here.hit("one")] == [True] * 3
    rate_limits.reset()  # what this process knows is not what counts
    assert not there.hit("one")
    assert there.is_spent("one")
    assert 1 <= here.retry_after("one") <= 1000
    here.clear("one")
    assert there.hit("one")


PAGE = {"headers": {"accept": "text/html"}}


@pytest.mark.django_db
def test_an_account_that_asks_too_fast_is_held_up_and_others_are_not(
    settings: Settings, owner_client: Client, stranger_client: Client
) -> None:
    settings.HTTP_RATE = "3/d"
    codes = [owner_client.get("/sessions/", **PAGE).status_code for _ in range(4)]
    assert codes == [200, 200, 200, 429]
    page = owner_client.get("/sessions/", **PAGE)
    assert 0 < int(page.headers["Retry-After"]) <= rate_limits.SECONDS["d"]
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
    monkeypatch.setattr(rate_limits, "GUESTS", 2)
    codes = [Client().get("/", REMOTE_ADDR="192.0.2.1").status_code for _ in range(4)]
    assert codes == [200, 200, 429, 429]
    assert User.objects.count() == 2
    assert Client().get("/", REMOTE_ADDR="192.0.2.2").status_code == 200
