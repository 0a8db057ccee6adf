"""Info-Gain with a temperature, in the order in which the published loop draws.

For comparisons with recorded runs only.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from inference.engine.decoding.official.loops import as_drawn
from inference.engine.decoding.rules.info_gain import INFO_GAIN, all_sure, most_telling
from inference.engine.decoding.view import Drawn, View

TINY = 1e-10


def tokens_with_each_place(view: View) -> Drawn:
    """Every candidate draws tokens for the whole canvas, then, but for the first, its place.

    The rule here draws tokens once a step. Where every place is sure tokens are drawn once, too.
    """
    tokens, params = noisy_tokens(view), view.params
    if all_sure(view, view.choice.p1):
        return Drawn(tokens, view.choice, torch.arange(len(tokens)))
    found = {int(view.choice.prob_of(tokens).argmax()): tokens}
    others = len(tokens) > 1 and params.position_temperature > 0
    for _ in range(params.candidates - 1 if others else 0):
        tokens = noisy_tokens(view)
        found.setdefault(_place(view, tokens), tokens)
    rows = list(found)
    row = rows[most_telling(view, view.choice, rows, [int(found[one][one]) for one in rows])]
    return Drawn(found[row], view.choice, torch.tensor([row]))


def noisy_tokens(view: View) -> Tensor:
    """The best [n] of logits + temperature * Gumbel noise, drawn for all places and tokens."""
    size = view.choice.logits.shape[-1]
    uniform = torch.rand(1, len(view.canvas), size, generator=view.generator)[0, view.positions]
    noise = -(-uniform.clamp(TINY, 1 - TINY).log()).log()
    return (view.choice.logits + view.params.temperature * noise).argmax(-1)


def _place(view: View, tokens: Tensor) -> int:
    uniform = torch.rand(len(tokens), generator=view.generator)
    noise = -(-(uniform + TINY).log() + TINY).log()
    confidence = view.choice.prob_of(tokens)
    return int((confidence / view.params.position_temperature + noise).argmax())


INFO_GAIN_DRAWN = replace(INFO_GAIN, draw=tokens_with_each_place, quota=as_drawn)
