"""Logits that a client sends back: sparse as the server sent them, or dense rows.

A sparse entry without `rest` is taken as the whole vocabulary; with it, the other tokens count as
equally likely, which is exact at temperature 1 and an approximation elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from inference.errors import UnmaskError
from visualizer.probability import ProbabilitySettings
from visualizer.selectors.candidates import Shown, as_lists
from visualizer.selectors.labels import Labels


@dataclass(frozen=True)
class Row:
    """The logits of one position; `rest` of `count` further tokens as one log-sum-exp."""

    position: int
    ids: Any
    logits: Any
    rest: float | None = None
    count: int = 0


def invalid() -> UnmaskError:
    return UnmaskError("validation", "Invalid raw_logits format", "raw_logits")


def read_rows(raw: Any) -> list[Row]:
    """The rows of a client's raw_logits. Raises UnmaskError for any other form."""
    if not isinstance(raw, list):
        raise invalid()
    rows = [_row(index, entry) for index, entry in enumerate(raw)]
    if len({row.position for row in rows}) < len(rows):
        raise invalid()
    return rows


def _row(index: int, entry: Any) -> Row:
    if isinstance(entry, list):
        logits = _numbers(entry)
        return Row(index, np.arange(len(logits)), logits)
    if not isinstance(entry, dict) or not {"position", "token_ids", "logits"} <= entry.keys():
        raise invalid()
    ids, logits = _whole(entry["token_ids"]), _numbers(entry["logits"])
    if len(ids) != len(logits) or not _is_natural(entry["position"]):
        raise invalid()
    rest, count = entry.get("rest"), entry.get("rest_count", 0)
    if not (rest is None or _is_number(rest)) or not _is_natural(count):
        raise invalid()
    return Row(entry["position"], ids, logits, rest, count)


def _numbers(values: Any) -> Any:
    return _array(values, _is_number, np.float64)


def _whole(values: Any) -> Any:
    return _array(values, _is_natural, np.int64)


def _array(values: Any, fits: Callable[[Any], bool], kind: Any) -> Any:
    if not isinstance(values, list) or not values or not all(map(fits, values)):
        raise invalid()
    return np.asarray(values, kind)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and abs(value) <= 1e6


def _is_natural(value: Any) -> bool:
    return type(value) is int and 0 <= value <= 2_000_000


def candidates(
    row: Row, settings: ProbabilitySettings, labels: Labels, seed: int
) -> list[dict[str, Any]]:
    """The row's candidates under the settings, best first."""
    logits = row.logits
    if settings.apply_gumbel_noise:
        noise = np.random.default_rng([seed, row.position]).gumbel(size=logits.shape)
        logits = logits + settings.gumbel_temperature * noise
    order = np.argsort(-logits, kind="stable")
    ids, logits = row.ids[order], logits[order]
    scaled = logits / settings.softmax_temperature
    total = np.logaddexp(np.logaddexp.reduce(scaled), _rest(row, settings))
    probs = np.exp(scaled - total)
    rank = np.arange(len(ids))
    inside = (np.cumsum(probs) - probs < settings.top_p) & (rank < settings.actual_top_k)
    inside[0] = True
    table = Shown(
        *(
            column[None, : settings.visual_top_k]
            for column in (ids, row.logits[order], probs, inside)
        )
    )
    return as_lists(table, labels)[0]


def _rest(row: Row, settings: ProbabilitySettings) -> float:
    if row.rest is None or row.count == 0:
        return -math.inf
    each = (row.rest - math.log(row.count)) / settings.softmax_temperature
    return each + math.log(row.count)
