"""How many sockets an account may have open, in one process and over several."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django import Settings

from accounts import seats
from accounts.seats import Seats
from tests.servers import free_port


@pytest.fixture
def site(settings: Settings, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two seats for everybody, counted in an empty Redis; nothing is renewed by itself."""
    own = redis_url.replace("/0", "/7")  # emptied below, and others have queues there
    settings.EMBEDDED, settings.REDIS_URL, settings.SOCKETS_PER_USER = False, own, 2
    monkeypatch.setattr(Seats, "_start_renewal", lambda self: None)
    yield
    seats._client(own).flushdb()


async def test_seats_are_limited_per_account(settings: Settings) -> None:
    settings.SOCKETS_PER_USER = 2
    seats = Seats()
    taken = [await seats.take(1), await seats.take(1), await seats.take(1), await seats.take(2)]
    assert taken == [True, True, False, True]
    await seats.leave(1)
    assert await seats.take(1)
    assert seats.open == 3


async def test_while_redis_is_away_each_process_counts(
    settings: Settings, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Seats, "_start_renewal", lambda self: None)
    settings.EMBEDDED, settings.SOCKETS_PER_USER = False, 1
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    here = Seats()
    assert [await here.take("a"), await here.take("a")] == [True, False]
    await here.leave("a")
    assert here.open == 0
    assert "counted per process" in caplog.text


async def test_a_socket_that_goes_while_it_waits_leaves_no_seat_taken(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: Any) -> bool:
        await asyncio.Event().wait()
        return True

    settings.EMBEDDED = False
    monkeypatch.setattr(Seats, "_in_thread", never)
    here = Seats()
    asked = asyncio.create_task(here.take(1))
    await asyncio.sleep(0)
    assert here.open == 1
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert here.open == 0


@pytest.mark.servers
async def test_the_processes_of_a_site_count_together(site: None) -> None:
    here, there = Seats(), Seats()
    assert [await here.take(1), await there.take(1), await there.take(1)] == [True, True, False]
    assert await there.take("reader of a link")
    await here.leave(1)
    assert await there.take(1)
    assert (here.open, there.open) == (0, 3)


@pytest.mark.servers
async def test_seats_of_a_process_that_died_become_free(
    site: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seats, "LEASE_SECONDS", 2)
    dead, alive = Seats(), Seats()
    assert await dead.take(1)
    assert await alive.take(1)
    for _ in range(6):  # longer than a lease; only one of the two renews
        await asyncio.sleep(0.4)
        alive.renew()
    other = Seats()
    assert [await other.take(1), await other.take(1)] == [True, False]


@pytest.mark.servers
async def test_a_redis_that_forgot_is_told_again(site: None, settings: Settings) -> None:
    here, there = Seats(), Seats()
    assert [await here.take(1), await here.take(1)] == [True, True]
    seats._client(settings.REDIS_URL).flushdb()
    here.renew()
    assert not await there.take(1)
