"""Quotas: which of the scored positions are written in this step.

Each takes the view, the draw and the scores [n] and returns indices into them, best first. At
least one index comes back whenever there is a position (ReMDM's alone may wait), ties go to the
earlier position.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from inference.engine.decoding.view import Drawn, View


def best(scores: Tensor, count: int) -> Tensor:
    """Indices of the `count` highest scores."""
    return scores.argsort(descending=True, stable=True)[:count]


def nothing(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """No position: the recipe's revision decides by itself."""
    return scores.argsort()[:0]


def schedule(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """An equal share: open positions over the steps left for the block, rounded up.

    Step by step this is LLaDA's published schedule (n // S each, the first n mod S one more), but
    it needs no memory of the block's start and never wastes a step.
    """
    return best(scores, share(len(scores), view.block.steps_left))


def share(count: int, steps_left: int) -> int:
    return max(1, math.ceil(count / steps_left))


def fixed(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """`tokens_per_step` positions."""
    return best(scores, view.params.tokens_per_step)


def threshold(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """Every position whose score reaches `threshold`, and always the best (Fast-dLLM)."""
    return best(scores, max(1, int((scores >= view.params.threshold).sum())))


def factor(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """The n best while the n-th has a score of at least 1 - factor / (n + 1) (Fast-dLLM)."""
    return best(scores, max(1, factor_count(scores, view.params.factor)))


def factor_count(scores: Tensor, value: float) -> int:
    """How many positions pass before the first that falls below its limit; the best always does."""
    ranked = scores.sort(descending=True).values
    rank = torch.arange(1, len(ranked) + 1, device=ranked.device)
    passes = ranked >= 1 - value / (rank + 1)
    passes[:1] = True
    return int(passes.long().cumprod(0).sum())


def entropy_bound(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """The most certain positions whose entropies sum, their largest left out, to at most `gamma`.

    arXiv 2505.24857. `scores` must be minus the entropies.
    """
    ranked = (-scores).clamp_min(0).sort().values
    bound = ranked.cumsum(0) - ranked.cummax(0).values
    count = int((bound <= view.params.gamma).long().cumprod(0).sum())
    return best(scores, max(1, count))


def timetable(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """Dream's: the share 1 - t[i+1]/t[i] of the open positions, at least one; all at the end.

    t runs linearly from 1 to `eps` over the steps.
    """
    state = view.state
    share = due(state.index, state.steps, view.params.eps)
    return best(scores, max(1, share_of(len(scores), share)))


def share_of(count: int, share: Tensor) -> int:
    """A share of some places, rounded down in float32 as the published code does."""
    return int(torch.tensor(float(count)) * share)


def due(index: int, steps: int, eps: float) -> Tensor:
    """The share of masks that are due in a step, 1 - t[i+1]/t[i], float32; 1 in the last."""
    if index >= steps - 1:
        return torch.tensor(1.0)
    times = torch.linspace(1, eps, steps + 1)
    return 1 - times[index + 1] / times[index]


def flips(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """Dream's `origin`: each position with the share due in this step; one if none would be."""
    uniform = view.uniform().to(scores.device)
    share = float(due(view.state.index, view.state.steps, view.params.eps))
    chosen = (uniform < share).nonzero()[:, 0]
    return chosen if len(chosen) else uniform.argmin()[None]


def confident_or_quota(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """LLaDA2's and SDAR's: all above `threshold` if they fill the step's share, else its best."""
    count = int((scores > view.params.threshold).sum())
    return best(scores, max(count, block_share(view)))


def block_share(view: View) -> int:
    """Places that a step of the block must write, at least 1.

    With `block_steps` S the step i of a block of B places has B // S + (i < B % S), counted from
    the block's start however many of its places are given; without, `tokens_per_step`.
    """
    steps = view.params.block_steps
    if steps is None:
        return view.params.tokens_per_step
    size = view.block.span[1] - view.block.span[0]
    return max(1, size // steps + (view.block.step < size % steps))


def share_of_block(view: View) -> int:
    """LLaDA's share of a step, counted from the block's start: B // S + (i < B % S), at least 1.

    B are the block's places, S the steps of the run that fall to it.
    """
    slots = view.canvas.slots
    size = sum(not slots[i].prompt for i in range(*view.block.span))
    total = max(1, len(view.canvas.places))
    steps = max(1, view.state.steps * size // total)
    return max(1, size // steps + (view.block.step < size % steps))


def static_share(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """SDAR's static rule: the best of the step's share."""
    return best(scores, block_share(view))


def above_threshold(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """Every position whose score exceeds `threshold`, and always the best (Fast-dLLM v2)."""
    return best(scores, max(1, int((scores > view.params.threshold).sum())))
