"""Rate limits: so many hits per window and key, counted in Redis on a site, else in this process.

A key is an account, a link, a socket, or an address. The counting is done by `limits`: a sliding
window counter keeps two numbers for a key and forgets each key by itself when its windows have
passed, never all of them at once.
"""

from __future__ import annotations

import hashlib
import ipaddress
import logging
import math
import time
from collections.abc import Callable
from functools import cache
from typing import TypeVar

from django.conf import settings
from limits import RateLimitItem, RateLimitItemPerSecond
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter as Limiter
from redis import RedisError

T = TypeVar("T")
log = logging.getLogger(__name__)
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
SHORTEST = 10
"""Seconds of the shortest window of HTTP requests: what these allow may come in one burst."""
GUESTS, SECONDS_PER_GUEST = 300, 10
"""A class may come in together; a script may not fill the database with visitors."""
FAILURES, FAILURE_SECONDS = 10, 300
IPV6_NETWORK = 64
"""Bits of an IPv6 address that count: whoever has one address has the other 2^64 as well."""
ANSWER_SECONDS = 1.0
"""Longer than this nobody waits for Redis."""
AWAY_SECONDS = 5.0
"""For this long after Redis has failed a process counts for itself."""


class RateLimit:
    """One limit for many keys. `item()` says how many hits in how many seconds.

    A shared limit counts for all processes of a site; while Redis is away each counts for itself.
    """

    def __init__(self, name: str, item: Callable[[], RateLimitItem], shared: bool = True) -> None:
        self.name, self._item, self._shared = name, item, shared
        self._away_until = 0.0

    def hit(self, key: object) -> bool:
        """Count one hit. False, and nothing is counted, when the key has had all of its window."""
        return self._ask(lambda limiter: limiter.hit(self._item(), self.name, _digest(key)))

    def is_spent(self, key: object) -> bool:
        """Whether a hit would be refused now; counts nothing."""
        return not self._ask(lambda limiter: limiter.test(self._item(), self.name, _digest(key)))

    def retry_after(self, key: object) -> int:
        """Whole seconds, at least 1, until the window lets another hit pass."""
        item, key = self._item(), _digest(key)
        stats = self._ask(lambda limiter: limiter.get_window_stats(item, self.name, key))
        return max(0, math.floor(stats.reset_time - time.time())) + 1

    def clear(self, key: object) -> None:
        """Forget the key's hits."""
        self._ask(lambda limiter: limiter.clear(self._item(), self.name, _digest(key)))

    def _ask(self, question: Callable[[Limiter], T]) -> T:
        if self._shared and not settings.EMBEDDED and time.monotonic() >= self._away_until:
            try:
                return question(_redis(settings.REDIS_URL))
            except RedisError as error:
                self._away_until = time.monotonic() + AWAY_SECONDS
                log.warning("rate limits are counted per process: %s", type(error).__name__)
        return question(_memory())


@cache
def _memory() -> Limiter:
    return Limiter(MemoryStorage())


@cache
def _redis(url: str) -> Limiter:
    storage = RedisStorage(
        url,
        key_prefix="unmask",
        socket_timeout=ANSWER_SECONDS,
        socket_connect_timeout=ANSWER_SECONDS,
    )
    return Limiter(storage)


def reset() -> None:
    """Forget what this process has counted."""
    _memory().storage.reset()


def address_key(host: str) -> str:
    """The key of an address, whether it asks by page or by socket: IPv6 counts by network."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return f"address {host}"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return f"address {ipaddress.ip_network((address, IPV6_NETWORK), strict=False)}"
        address = address.ipv4_mapped
    return f"address {address}"


def requests_per_window(rate: str) -> RateLimitItem:
    """`number/unit` (a key of SECONDS) as hits in one unit, or in SHORTEST seconds if longer."""
    number, unit = rate.split("/")
    seconds = max(SECONDS[unit], SHORTEST)
    return RateLimitItemPerSecond(int(number) * seconds // SECONDS[unit], seconds)


def messages_per_window(rate: int, burst: int) -> RateLimitItem:
    """`rate` messages a second over the whole seconds in which a burst makes itself up."""
    seconds = math.ceil(burst / rate)
    return RateLimitItemPerSecond(max(burst, rate), seconds)


def _digest(key: object) -> str:
    """Keys may hold names and links, which Redis need not learn, of any length."""
    return hashlib.sha256(str(key).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _messages() -> RateLimitItem:
    return messages_per_window(settings.SOCKET_RATE, settings.SOCKET_BURST)


SOCKET_MESSAGES = RateLimit("messages", _messages, shared=False)
"""By socket, which lives in one process: its messages need no round trip to be counted."""
LINK_READS = RateLimit("links", _messages)
"""By link and address, or by the account that copies."""
HTTP_REQUESTS = RateLimit("requests", lambda: requests_per_window(settings.HTTP_RATE))
NEW_GUESTS = RateLimit("guests", lambda: RateLimitItemPerSecond(GUESTS, GUESTS * SECONDS_PER_GUEST))
SIGN_IN_FAILURES = RateLimit("sign-in", lambda: RateLimitItemPerSecond(FAILURES, FAILURE_SECONDS))
"""By name and address: slows the guessing of passwords."""
