"""Scores [n]: the higher, the sooner a position is written."""

from __future__ import annotations

import torch
from torch import Tensor

from inference.engine.decoding.distribution import Distribution
from inference.engine.decoding.rng import gumbel_of
from inference.engine.decoding.view import Drawn, View

# entropy of published Dream code adds this inside the logarithm
LOG_FLOOR = 1e-10


def probability(view: View, drawn: Drawn) -> Tensor:
    """Probability of the drawn token."""
    return drawn.probs


def margin(view: View, drawn: Drawn) -> Tensor:
    """Lead of the most likely token over the second."""
    return drawn.judged.margin


def certainty(view: View, drawn: Drawn) -> Tensor:
    """Minus the entropy of the judged distribution, as Dream computes it."""
    return certainty_of(drawn.judged)


def certainty_of(judged: Distribution) -> Tensor:
    """sum p log(p + 1e-10) [n]."""
    return (judged.probs * (judged.probs + LOG_FLOOR).log()).sum(-1)


def chance(view: View, drawn: Drawn) -> Tensor:
    """A uniform random number."""
    return view.uniform().to(drawn.judged.logits.device)


def chance_over_evaluated(view: View, drawn: Drawn) -> Tensor:
    """LLaDA's published random remasking: float32 numbers over all evaluated places."""
    draws = view.batch_row.draw(view.generator, view.evaluated, dtype=torch.float32)
    return draws.to(view.positions.device)[view.positions - view.evaluated[0]]


def doubt(view: View, drawn: Drawn) -> Tensor:
    """Minus the probability of the most likely token: the least confident first."""
    return -view.ranking.p1


def confidence(view: View, drawn: Drawn) -> Tensor:
    """Probability of the most likely token: the most confident first."""
    return view.ranking.p1


def uncertainty(view: View, drawn: Drawn) -> Tensor:
    """The entropy: the most uncertain first."""
    return view.ranking.entropy


def plain_certainty(view: View, drawn: Drawn) -> Tensor:
    """Minus the entropy of the unfiltered distribution: the most certain first."""
    return -view.ranking.entropy


def order(view: View, drawn: Drawn) -> Tensor:
    """Left to right."""
    return -view.positions.float()


def tempered(view: View, scores: Tensor) -> Tensor:
    """Scores whose order is a draw without replacement with weights softmax(score / alg_temp)."""
    if view.params.alg_temp == 0:
        return scores
    noise = gumbel_of(view.uniform()).to(scores)
    return scores / view.params.alg_temp + noise
