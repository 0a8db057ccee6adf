"""Confidence, margin, entropy and best token of the positions of a forward pass, in one place.

Whatever shows such a number (status, cells, heat map, inspector, table, export, strategies) takes
it from here, so that all go by the same temperature and the same drawn noise.
"""

from __future__ import annotations

import base64
from functools import cached_property
from typing import Any

import numpy as np

from inference.engine.canvas import Canvas
from inference.engine.digest_view import DigestView
from visualizer.models import Session
from visualizer.probability import ProbabilitySettings
from visualizer.selectors.candidates import Shown, has_noise, settings_from, shown
from visualizer.selectors.generation import noise_seed


class PositionStats:
    """Of n positions in the order of `view.positions`; all over the whole vocabulary."""

    def __init__(self, view: DigestView, settings: ProbabilitySettings, seed: int = 0) -> None:
        """`seed` draws the Gumbel noise, if the settings ask for some."""
        self.view, self.settings, self.seed = view, settings, seed
        self.noisy = has_noise(settings)

    @cached_property
    def shown(self) -> Shown:
        """The kept tokens of every position, best first: arrays [n, K]."""
        return shown(self.view, self.settings, self.view.ids.shape[1], self.seed)

    @cached_property
    def best(self) -> Any:
        """The best token [n]."""
        return self.shown.ids[:, 0]

    @cached_property
    def confidence(self) -> Any:
        """The probability [n] of the best token."""
        return self.shown.probs[:, 0] if self.noisy else self.view.p1(self.settings)

    @cached_property
    def margin(self) -> Any:
        """The lead [n] of the best token over the second one."""
        probs = self.shown.probs
        return probs[:, 0] - probs[:, 1] if probs.shape[1] > 1 else probs[:, 0]

    @cached_property
    def entropy(self) -> Any:
        """Entropy [n] in nats."""
        plain = self.view.entropy(self.settings.softmax_temperature)
        return self._noisy_entropy(plain) if self.noisy else plain

    def _noisy_entropy(self, plain: Any) -> Any:
        """Kept tokens under noise; the rest keeps its inner distribution, its share has changed."""
        before = self.view.probabilities(self.settings.softmax_temperature)
        inner = plain - _surprise(before)
        rest, now = _rest(before), _rest(self.shown.probs)
        ratio = np.divide(now, rest, out=np.zeros_like(rest), where=rest > 0)
        return _surprise(self.shown.probs) + np.clip(inner, 0, None) * ratio

    def probability(self, position: int, token: int) -> float | None:
        """A kept token's probability at a position; None for what was not kept."""
        row = self.view.row_of.get(position)
        found = [] if row is None else (self.shown.ids[row] == token).nonzero()[0]
        return round(float(self.shown.probs[row, found[0]]), 6) if len(found) else None


def numbers_of(session: Session, view: DigestView, number: int) -> PositionStats:
    """The numbers of the pass over the state after a step, under the session's settings."""
    return PositionStats(view, settings_from(session.settings), noise_seed(session, number))


def summary_of(numbers: PositionStats, canvas: Canvas) -> dict[str, Any]:
    """{open, heat, entropy}: confidence of every position as a byte, and the masks' mean entropy.

    Heat is base64; 255 stands for places that are written, 0 for masks that were not read.
    """
    view, heat = numbers.view, np.full(len(canvas), 255, np.uint8)
    heat[canvas.open_positions] = 0
    rows = [view.row_of[p] for p in canvas.open_positions if p in view.row_of]
    if rows:
        places = np.asarray(view.positions)[rows].astype(int)
        heat[places] = np.round(255 * np.clip(numbers.confidence[rows], 0, 1))
    entropy = numbers.entropy[rows]
    return {
        "open": len(canvas.open_positions),
        "heat": base64.b64encode(heat.tobytes()).decode(),
        "entropy": round(float(entropy.mean()), 4) if len(entropy) else 0.0,
    }


def _rest(probs: Any) -> Any:
    return np.clip(1.0 - probs.sum(axis=1), 0.0, 1.0)


def _surprise(probs: Any) -> Any:
    """-Σ p log p over the kept tokens and over the rest taken as one token."""
    all_of = np.concatenate([probs, _rest(probs)[:, None]], axis=1)
    return -(all_of * np.log(np.where(all_of > 0, all_of, 1.0))).sum(axis=1)
