"""Draws: which token a position would get. All skip the mask unless `official`."""

from __future__ import annotations

import torch

from inference.engine.decoding.distribution import Distribution
from inference.engine.decoding.filters import filtered_distribution, top_k_first
from inference.engine.decoding.view import Drawn, View
from inference.engine.reduce import largest


def sample(view: View) -> Drawn:
    """LLaDA's: temperature shapes the draw only, positions are judged at temperature 1."""
    params = view.params
    if params.temperature == 0:
        return Drawn(view.choice.best, view.ranking)
    if params.top_p >= 1 and params.top_k == 0:
        return Drawn(view.choice.draw(view.uniform(), params.temperature), view.ranking)
    return Drawn(filtered_view(view).draw(view.uniform()), view.ranking)


def filtered(view: View) -> Drawn:
    """Dream's: temperature, then top-p, then top-k, shape both the draw and the judgement."""
    judged = filtered_view(view)
    if view.params.temperature == 0:
        return Drawn(judged.best, judged)
    return Drawn(judged.draw(view.uniform()), judged)


def filtered_view(view: View) -> Distribution:
    """The distribution [n, V] after temperature, top-p and top-k."""
    params = view.params
    return filtered_distribution(view.choice, params.temperature, params.top_p, params.top_k)


def filtered_k_first(view: View) -> Drawn:
    """SDAR's and LLaDA2's: temperature, then top-k, then top-p, shape draw and judgement."""
    params = view.params
    judged = top_k_first(view.choice, params.temperature, params.top_p, params.top_k)
    if params.temperature == 0:
        return Drawn(view.choice.best, view.choice)
    return Drawn(judged.draw(view.uniform()), judged)


def filtered_but_first(view: View) -> Drawn:
    """Fast-dLLM v2's: `filtered`, but the first token of a block is the most likely one."""
    if starts_block(view):
        return Drawn(view.choice.best, view.choice)
    return filtered(view) if view.params.temperature > 0 else Drawn(view.choice.best, view.choice)


def starts_block(view: View) -> bool:
    """Whether the one place in scope is the first of its block, which the row before predicts."""
    size = view.spec.block_size or 1
    first = view.block.scope[0]
    return first > 0 and first % size == 0 and view.block.span == (first, first + 1)


def gumbel(view: View) -> Drawn:
    """LLaDA's published form: float64 noise over every evaluated place and the whole vocabulary."""
    temperature = view.params.temperature
    if temperature == 0:
        return Drawn(view.choice.best, view.ranking)
    logits = view.choice.eligible
    size = logits.shape[-1]
    noise = view.batch_row.draw(view.generator, view.evaluated, size, dtype=torch.float64)
    uniform = noise.to(logits.device)[view.positions - view.evaluated[0]]
    weights = logits.double().exp() / (-uniform.log()) ** temperature
    return Drawn(weights.argmax(-1), view.ranking)


def categorical(view: View) -> Drawn:
    """Dream's published form: one multinomial draw for each masked place, in order."""
    judged = filtered_view(view)
    if view.params.temperature == 0:
        return Drawn(largest(judged.logits), judged)
    tokens = torch.multinomial(judged.probs, 1, replacement=True, generator=view.generator)
    return Drawn(tokens[:, 0], judged)
