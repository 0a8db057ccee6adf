"""KLASS: confident places whose distribution has stopped moving.

Source: shkim0116/KLASS, src/model/llada_klass.py and dream_klass.py.
"""

from __future__ import annotations

from torch import Tensor

from inference.engine.decoding.blocks import counted_chunks, whole
from inference.engine.decoding.quotas import best, share_of_block
from inference.engine.decoding.recipe import Recipe
from inference.engine.decoding.view import Drawn, View
from inference.engine.reduce import divergences


def movements(view: View, drawn: Drawn) -> list[Tensor]:
    """KL divergences [n] in nats of the last `kl_steps` steps, latest first; fewer if unknown."""
    found, now = [], drawn.judged
    for before in reversed(view.history[-view.params.kl_steps :]):
        found.append(divergences(now.logits, before.logits))
        now = before
    return found


def stable(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """LLaDA's form: above `threshold`, and calm in each of the last `kl_steps` steps.

    Nothing is stable before step `kl_steps` - 1 of a block; if nothing is, the block's share of
    the step is written.
    """
    chosen = ready(view, drawn, scores)
    return chosen if len(chosen) else best(scores, share_of_block(view))


def ready(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """Indices of the stable places that are to be written, possibly none."""
    chosen = _calm(view, drawn, scores > view.params.threshold)
    if view.block.step < view.params.kl_steps - 1:
        return chosen[:0]
    return _picked(view, drawn, scores, chosen) if len(chosen) else chosen


def stable_everywhere(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """Dream's form: at least `threshold`, no waiting; if nothing is stable, the best place."""
    chosen = ready_everywhere(view, drawn, scores)
    return chosen if len(chosen) else best(scores, 1)


def ready_everywhere(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """Indices of the stable places of Dream's form that are to be written, possibly none."""
    chosen = _calm(view, drawn, scores >= view.params.threshold)
    return _picked(view, drawn, scores, chosen) if len(chosen) else chosen


def _calm(view: View, drawn: Drawn, sure: Tensor) -> Tensor:
    """Indices of the sure places that moved by less than `kl_threshold` in every step."""
    moves = movements(view, drawn)
    if len(moves) < view.params.kl_steps:
        return sure.nonzero()[:0, 0]
    for moved in moves:
        sure = sure & (moved < view.params.kl_threshold)
    return sure.nonzero()[:, 0]


def _picked(view: View, drawn: Drawn, scores: Tensor, chosen: Tensor) -> Tensor:
    """All of the stable ones, the most confident of them, or the one that moved least."""
    rule = view.params.klass_unmask
    if rule == "all":
        return chosen
    order = scores if rule == "max_conf" else -movements(view, drawn)[0]
    return chosen[best(order[chosen], 1)]


KLASS = Recipe(quota=stable, block=counted_chunks, remembers=True)
KLASS_DREAM = Recipe(quota=stable_everywhere, block=whole, remembers=True)
