"""How many sockets an account has open: a lease for each, counted over all processes of a site.

On a site a lease is a member of the account's sorted set in Redis, whose score is the time at
which it ends. A thread of each process renews the leases of its sockets, so that those of a
process that died end by themselves. While Redis is away each process counts its own.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any
from uuid import uuid4

from django.conf import settings
from redis import Redis, RedisError

log = logging.getLogger(__name__)
TOO_MANY = 4429
"""Close code for one socket too many."""
LEASE_SECONDS = 30
RENEW_SECONDS = 10.0
ANSWER_SECONDS = 1.0
"""Longer than this nobody waits for Redis."""
UNLIMITED = 2**31
_LEASE = """
local now = tonumber(redis.call('TIME')[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local held = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not held and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[3]), ARGV[1])
redis.call('EXPIRE', KEYS[1], tonumber(ARGV[3]) + 1)
return 1
"""
"""Take or renew the lease ARGV[1] of ARGV[3] seconds, if there are less than ARGV[2] others."""
Owner = int | str


class Seats:
    """Leases of this process; every `take` that answered true needs one `leave`."""

    def __init__(self) -> None:
        self._leases: dict[Owner, list[str]] = {}
        self._guard = threading.Lock()
        self._threads = ThreadPoolExecutor(2, "seats")
        self._renewal: threading.Thread | None = None

    async def take(self, owner: Owner) -> bool:
        """False when the account, or the name, has SOCKETS_PER_USER sockets open already."""
        lease = self._add(owner)
        if lease is None:
            return False
        most = settings.SOCKETS_PER_USER
        granted = False
        try:
            granted = settings.EMBEDDED or await self._in_thread(_lease, owner, lease, most)
        finally:  # also of a socket that went while it waited
            if not granted:
                self._remove(owner, lease)
        return granted

    async def leave(self, owner: Owner) -> None:
        """Give one of the owner's seats back."""
        lease = self._remove(owner)
        if not settings.EMBEDDED:
            await self._in_thread(_release, owner, lease)

    def renew(self) -> None:
        """Lengthen the leases of all sockets of this process, also those that Redis forgot."""
        with self._guard:
            held = [(owner, lease) for owner, leases in self._leases.items() for lease in leases]
        for owner, lease in held:
            _lease(owner, lease, UNLIMITED)

    @property
    def open(self) -> int:
        """Sockets of this process."""
        return sum(map(len, self._leases.values()))

    def _add(self, owner: Owner) -> str | None:
        with self._guard:
            leases = self._leases.setdefault(owner, [])
            if len(leases) >= settings.SOCKETS_PER_USER:
                return None
            leases.append(uuid4().hex)
            return leases[-1]

    def _remove(self, owner: Owner, lease: str | None = None) -> str:
        with self._guard:
            leases = self._leases[owner]
            gone = leases.pop(leases.index(lease) if lease else -1)
            if not leases:
                del self._leases[owner]
            return gone

    async def _in_thread(self, ask: Callable[..., bool], *words: Any) -> bool:
        """Redis' answer; true where there is none."""
        self._start_renewal()
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, ask, *words)
        except RedisError as error:
            log.warning("sockets are counted per process: %s", type(error).__name__)
            return True

    def _start_renewal(self) -> None:
        with self._guard:
            if self._renewal is None:
                self._renewal = threading.Thread(target=self._renew, name="seats", daemon=True)
                self._renewal.start()

    def _renew(self) -> None:
        while True:
            time.sleep(RENEW_SECONDS)
            try:
                self.renew()
            except RedisError as error:
                log.warning("leases of sockets were not renewed: %s", type(error).__name__)


@cache
def _client(url: str) -> Redis:
    return Redis.from_url(url, socket_timeout=ANSWER_SECONDS, socket_connect_timeout=ANSWER_SECONDS)


def _lease(owner: Owner, lease: str, most: int) -> bool:
    client = _client(settings.REDIS_URL)
    return bool(client.eval(_LEASE, 1, _key(owner), lease, most, LEASE_SECONDS))


def _release(owner: Owner, lease: str) -> bool:
    return bool(_client(settings.REDIS_URL).zrem(_key(owner), lease))


def _key(owner: Owner) -> str:
    """An owner may be named by a link, which Redis need not learn."""
    return f"unmask/sockets/{hashlib.sha256(str(owner).encode()).hexdigest()[:32]}"


SEATS = Seats()
