"""Whether "play" at the drawer's quickest speed shows a token whenever one is due.

A line is played as `static/js/playground/lookahead.js` does it: one question at a time is on its
way, for BATCH tokens behind the last one in hand, whenever fewer than LOW are in hand.
"""

from __future__ import annotations

import statistics
import time
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise

from benchmarks.guests import TEXT, Person

BATCH, LOW = 16, 12
TOKENS, INTERVAL = 96, 0.1
LATE = 0.01
"""Seconds behind its time at which a token counts as late."""


class _Player:
    """The ids that have come, and the question for more that is on its way."""

    def __init__(self, person: Person, pool: ThreadPoolExecutor) -> None:
        self._person, self._pool = person, pool
        self._ids: list[int] = []
        self._asked: Future[list[int]] | None = None

    def take(self, number: int) -> None:
        """Returns when the token with this number from 0 is in hand."""
        while len(self._ids) <= number:
            self.ask()
            assert self._asked is not None
            self._collect(self._asked)
        if self._asked is not None and self._asked.done():
            self._collect(self._asked)
        if len(self._ids) - number - 1 < LOW:
            self.ask()

    def ask(self) -> None:
        if self._asked is None:
            self._asked = self._pool.submit(self._fetch, list(self._ids))

    def _fetch(self, ids: list[int]) -> list[int]:
        told = self._person.next(TEXT, ids, BATCH)
        return [one["next_token_id"] for one in (told, *told["ahead"])]

    def _collect(self, asked: Future[list[int]]) -> None:
        self._ids += asked.result()
        self._asked = None


def lines(person: Person) -> list[str]:
    """Lines of the report."""
    with ThreadPoolExecutor(1) as pool:
        shown = _shown(_Player(person, pool))
    gaps = [1000 * (after - before) for before, after in pairwise(shown)]
    late = sum(gap > 1000 * (INTERVAL + LATE) for gap in gaps)
    return [
        f"  play at {1000 * INTERVAL:.0f} ms: from token to token {statistics.median(gaps):.0f} ms "
        f"in the median, {max(gaps):.0f} ms at most; {late} of {len(gaps)} late"
    ]


def _shown(player: _Player) -> list[float]:
    """When each token was shown: INTERVAL after the one before it, or when it came."""
    shown: list[float] = []
    player.take(0)
    for number in range(TOKENS):
        due = shown[-1] + INTERVAL if shown else time.monotonic()
        time.sleep(max(0.0, due - time.monotonic()))
        player.take(number)
        shown.append(time.monotonic())
    return shown
