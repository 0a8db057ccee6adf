"""How long requests took, by model and route: median and 95th percentile, from the rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.utils import timezone

from visualizer.models import StreamTiming

NEWEST = 20_000
"""As many of the newest rows count."""


@dataclass(slots=True)
class Durations:
    """Requests of one model on one route; seconds in ascending order."""

    model: str
    route: str
    seconds: list[float] = field(default_factory=list)
    firsts: list[float] = field(default_factory=list)
    outcomes: dict[str, int] = field(default_factory=dict)

    @property
    def p50(self) -> float:
        return quantile(self.seconds, 0.5)

    @property
    def p95(self) -> float:
        return quantile(self.seconds, 0.95)

    @property
    def first(self) -> float | None:
        """Median seconds to the first frame of a stream."""
        return quantile(self.firsts, 0.5) if self.firsts else None


def durations(user: Any | None, since: timedelta) -> list[Durations]:
    """Of a user's requests, or of everybody's for None, in the time up to now."""
    rows = StreamTiming.objects.filter(created__gt=timezone.now() - since)
    if user is not None:
        rows = rows.filter(user=user)
    found: dict[tuple[str, str], Durations] = {}
    columns = rows.values_list("model", "route", "seconds", "first", "outcome")
    for model, route, seconds, first, outcome in columns[:NEWEST]:
        one = found.setdefault((model, route), Durations(model, route))
        one.seconds.append(seconds)
        one.firsts += [] if first is None else [first]
        one.outcomes[outcome] = one.outcomes.get(outcome, 0) + 1
    for one in found.values():
        one.seconds.sort()
        one.firsts.sort()
    return [found[key] for key in sorted(found)]


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed (nearest rank)."""
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]
