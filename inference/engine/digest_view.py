"""Reading a digest with numpy alone: candidates, confidence and entropy at any settings.

The format stands in `digest_bytes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from inference.engine.digest_forms import DigestError, Form
from inference.engine.digest_reader import form_of
from inference.engine.digest_tail import Array

__all__ = ["Candidate", "DigestError", "DigestView"]


class ShownSettings(Protocol):
    """What of the settings decides over the shown candidates (processing.Settings has it)."""

    @property
    def softmax_temperature(self) -> float: ...
    @property
    def actual_top_k(self) -> int: ...
    @property
    def top_p(self) -> float: ...


@dataclass(frozen=True)
class Candidate:
    """One token of a position with its rank; probability over the whole vocabulary."""

    token_id: int
    logit: float
    prob: float
    rank: int
    is_in_actual: bool


@dataclass(frozen=True)
class DigestView:
    """A digest of n positions in the order of `positions`, with their K best tokens."""

    form: Form

    @classmethod
    def from_bytes(cls, data: bytes) -> DigestView:
        """Raises DigestError for anything that `digest.encode` did not write."""
        return cls(form_of(bytes(data)))

    @property
    def vocabulary(self) -> int:
        return self.form.vocabulary

    @property
    def positions(self) -> Array:
        return self.form.positions

    @property
    def top_logit(self) -> Array:
        """The largest logit [n] of a token that can be chosen."""
        return self.form.top_logit

    @property
    def ids(self) -> Array:
        """The best tokens [n, K], best first; worked out when first asked for."""
        return self.form.ids

    @property
    def below(self) -> Array:
        """How far their logits [n, K] lie below the largest."""
        return self.form.below

    @cached_property
    def row_of(self) -> dict[int, int]:
        """Position → row."""
        return {position: row for row, position in enumerate(self.positions.tolist())}

    def candidates(self, position: int, settings: ShownSettings, k: int = 20) -> list[Candidate]:
        """The k ≤ K best tokens of a position. Raises KeyError for one that was not open."""
        row = self.row_of[position]
        k = min(k, self.ids.shape[1])
        probs = self.probabilities(settings.softmax_temperature, row)[:k]
        logits = self.top_logit[row] - self.below[row, :k]
        rank = np.arange(k)
        before = np.cumsum(probs) - probs
        inside = (before < settings.top_p) & (rank < settings.actual_top_k) | (rank == 0)
        columns = zip(self.ids[row, :k], logits, probs, rank, inside, strict=True)
        return [Candidate(int(i), float(x), float(p), int(r), bool(w)) for i, x, p, r, w in columns]

    def probabilities(self, temperature: float, row: int | None = None) -> Array:
        """Probabilities [n, K] (or [K] of one row) of the kept tokens at a temperature 0.1–10."""
        rows = slice(None) if row is None else slice(row, row + 1)
        total, _ = self.form.log_partition(1.0 / temperature, rows)
        probs = np.exp(-self.below[rows] / temperature - total[:, None])
        return probs if row is None else probs[0]

    def p1(self, settings: ShownSettings | None = None) -> Array:
        """The probability [n] of the best token at the settings' temperature (default 1)."""
        temperature = settings.softmax_temperature if settings else 1.0
        return np.exp(-self.form.log_partition(1.0 / temperature, slice(None))[0])

    def entropy(self, temperature: float = 1.0) -> Array:
        """The entropy [n] in nats of the whole distribution at a temperature."""
        if temperature == 1.0:
            return self.form.unit_entropy.copy()
        total, slope = self.form.log_partition(1.0 / temperature, slice(None))
        return total - slope
