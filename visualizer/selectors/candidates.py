"""Candidates of positions from a digest, with numpy alone."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from inference.engine.digest_view import DigestView
from visualizer.models import Digest
from visualizer.probability import ProbabilitySettings
from visualizer.selectors.labels import Labels


class Shown(NamedTuple):
    """Rows of candidates, best first: arrays [n, k]."""

    ids: Any
    logits: Any
    probs: Any
    inside: Any


def view_of(digest: Digest) -> DigestView:
    """The arrays of a kept forward pass."""
    return DigestView.from_bytes(bytes(digest.data))


def settings_from(stored: dict[str, Any]) -> ProbabilitySettings:
    """The settings kept with a session or a digest."""
    known = {key: stored[key] for key in ProbabilitySettings.model_fields if key in stored}
    return ProbabilitySettings.model_validate(known)


def has_noise(settings: ProbabilitySettings) -> bool:
    """Whether tokens are ranked with Gumbel noise."""
    return settings.apply_gumbel_noise and settings.gumbel_temperature > 0


def shown(view: DigestView, settings: ProbabilitySettings, k: int, seed: int = 0) -> Shown:
    """The k best tokens of every position under the settings.

    Probabilities are over the whole vocabulary; membership in `actual` is top-k and top-p
    together, whichever is less. With Gumbel noise the kept tokens are noisy (drawn from `seed`) and
    the rest of the vocabulary keeps its share.
    """
    logits = view.top_logit[:, None] - view.below
    probs = view.probabilities(settings.softmax_temperature)
    ids = view.ids
    if has_noise(settings):
        ids, logits, probs = _noisy(ids, logits, probs, settings, seed)
    k = min(k, ids.shape[1])
    rank = np.arange(ids.shape[1])
    before = np.cumsum(probs, axis=1) - probs
    inside = (before < settings.top_p) & (rank < settings.actual_top_k) | (rank == 0)
    return Shown(ids[:, :k], logits[:, :k], probs[:, :k], inside[:, :k])


def _noisy(ids: Any, logits: Any, probs: Any, settings: ProbabilitySettings, seed: int) -> Any:
    noise = np.random.default_rng(seed).gumbel(size=ids.shape) * settings.gumbel_temperature
    weights = probs * np.exp(np.clip(noise / settings.softmax_temperature, -300, 300))
    rest = np.clip(1.0 - probs.sum(axis=1, keepdims=True), 0.0, 1.0)
    total = weights.sum(axis=1, keepdims=True) + rest
    order = np.argsort(-(logits + noise), axis=1, kind="stable")
    columns = (ids, logits, weights / total)
    return tuple(np.take_along_axis(column, order, axis=1) for column in columns)


def as_lists(table: Shown, labels: Labels) -> list[list[dict[str, Any]]]:
    """TokenCandidate objects for every row."""
    # Rounded down, so that the probabilities of a position never sum to more than 1.
    probs = np.floor(table.probs * 1e7) / 1e7
    columns = (
        table.ids.tolist(),
        np.round(table.logits, 4).tolist(),
        probs.tolist(),
        table.inside.tolist(),
    )
    return [
        [
            {
                "token": labels(token),
                "token_id": token,
                "logit": logit,
                "prob": prob,
                "rank": rank,
                "is_in_actual": inside,
            }
            for rank, (token, logit, prob, inside) in enumerate(zip(*row, strict=True))
        ]
        for row in zip(*columns, strict=True)
    ]


def candidates_of(
    view: DigestView,
    settings: ProbabilitySettings,
    labels: Labels,
    k: int,
    seed: int = 0,
    window: tuple[int, int] | None = None,
) -> dict[int, list[dict[str, Any]]]:
    """Position → its candidates, for the digest's positions within [from, to) of the window."""
    table = shown(view, settings, k, seed)
    first, last = window or (0, int(view.positions.max(initial=0)) + 1)
    rows = [row for position, row in view.row_of.items() if first <= position < last]
    lists = as_lists(Shown(*(column[rows] for column in table)), labels)
    return dict(zip((int(view.positions[row]) for row in rows), lists, strict=True))
