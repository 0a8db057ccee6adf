"""LocalLeap: near a confident place a lower threshold suffices.

Source: arXiv 2510.07081 (its code was not to be had: from the paper).
"""

from __future__ import annotations

from torch import Tensor

from inference.engine.decoding.quotas import best
from inference.engine.decoding.recipe import Recipe
from inference.engine.decoding.view import Drawn, View


def near_anchors(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """Anchors reach `threshold`; within `leap_radius` of one, `relaxed_threshold` is enough.

    Without an anchor the best place is written alone.
    """
    params = view.params
    anchors = view.positions[scores >= params.threshold]
    if not len(anchors):
        return best(scores, 1)
    distance = (view.positions[:, None] - anchors[None]).abs().min(-1).values
    near = (distance <= params.leap_radius) & (scores >= params.relaxed_threshold)
    return ((scores >= params.threshold) | near).nonzero()[:, 0]


LOCAL_LEAP = Recipe(quota=near_anchors)
