"""Temperature scaling, reliability and calibration error of decisions among given choices.

One temperature over the scores, fitted on labelled examples by their log-loss, changes how sure an
answer is and never which one it is (Guo et al. 2017, arXiv 1706.04599, section 4.2). The expected
calibration error is that of the same paper (section 2): equal bins of the confidence in the first
choice, the mean distance of accuracy and confidence weighted by how many are in a bin.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

BINS = 10
FOLDS = 5
COLDEST, HOTTEST = 0.05, 20.0
_HALVINGS = 60


@dataclass(frozen=True)
class Bin:
    """Answers whose confidence is above `low` and up to `high`, shares 0 to 1."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


def table(scores: Sequence[Sequence[float]]) -> Tensor:
    """Scores [N, C] in nats; -inf where a row has fewer choices than others."""
    width = max(map(len, scores))
    rows = [[*row, *[-math.inf] * (width - len(row))] for row in scores]
    return torch.tensor(rows, dtype=torch.float64)


def fit_temperature(scores: Tensor, labels: Tensor) -> float:
    """The temperature in COLDEST..HOTTEST with the least log-loss of `labels` [N].

    The loss is convex in 1 / temperature, so its slope is bisected.
    """
    low, high = math.log(1 / HOTTEST), math.log(1 / COLDEST)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _slope(scores, labels, math.exp(middle)) > 0:
            high = middle
        else:
            low = middle
    return min(HOTTEST, max(COLDEST, math.exp(-(low + high) / 2)))


def _slope(scores: Tensor, labels: Tensor, inverse: float) -> float:
    """d loss / d (1 / temperature): the expected score less the label's, summed."""
    shares = (scores * inverse).softmax(-1)
    expected = torch.where(shares > 0, shares * scores.nan_to_num(neginf=0), 0.0).sum(-1)
    return float((expected - scores.gather(1, labels[:, None])[:, 0]).sum())


def probabilities(scores: Tensor, temperature: float | Tensor) -> Tensor:
    """Distribution over the choices [N, C]; one temperature, or one for each row [N, 1]."""
    return (scores / temperature).softmax(-1)


def cross_fitted(scores: Tensor, labels: Tensor, groups: Tensor) -> Tensor:
    """Probabilities of each row by a temperature that was fitted without its fold.

    `groups` [N]: rows of one example have one number and stay in one fold. So what is measured on
    the examples is no praise of a fit to themselves.
    """
    folds = groups % min(FOLDS, int(groups.max()) + 1)
    found = torch.ones(len(scores), 1, dtype=torch.float64)
    for fold in sorted(set(folds.tolist())):
        others = folds != fold
        if others.any():
            found[~others] = fit_temperature(scores[others], labels[others])
    return probabilities(scores, found)


def reliability(shares: Tensor, labels: Tensor, bins: int = BINS) -> list[Bin]:
    """Confidence and accuracy of the first choice of shares [N, C] in equal bins, none empty.

    `labels` [N] are the right choices.
    """
    confidence, first = shares.max(-1)
    right = (first == labels).double()
    which = (confidence * bins).ceil().long().clamp(1, bins) - 1
    found = []
    for number in sorted(set(which.tolist())):
        here = which == number
        sure, good = float(confidence[here].mean()), float(right[here].mean())
        found.append(Bin(number / bins, (number + 1) / bins, int(here.sum()), sure, good))
    return found


def calibration_error(bins: Sequence[Bin]) -> float:
    """Expected calibration error, 0 to 1."""
    total = sum(one.count for one in bins)
    return sum(one.count * abs(one.accuracy - one.confidence) for one in bins) / total


def measured(shares: Tensor, labels: Tensor) -> dict[str, Any]:
    """`error` (expected calibration error), `loss` (nats, mean) and `bins` of shares [N, C]."""
    bins = reliability(shares, labels)
    loss = -shares.gather(1, labels[:, None]).clamp_min(1e-300).log().mean()
    told = {"error": calibration_error(bins), "loss": float(loss)}
    return {**told, "bins": [asdict(one) for one in bins]}


def calibrate(scores: Tensor, labels: Tensor, groups: Tensor) -> dict[str, Any]:
    """`temperature` from scores [N, C], `before` at 1, `after` cross-fitted, `accuracy`, `count`.

    `labels` [N] are the right choices, `groups` [N] the folds.
    """
    plain = probabilities(scores, 1.0)
    right = (plain.argmax(-1) == labels).double().mean()
    return {
        "temperature": fit_temperature(scores, labels),
        "count": len(labels),
        "accuracy": float(right),
        "before": measured(plain, labels),
        "after": measured(cross_fitted(scores, labels, groups), labels),
    }
