"""The Gumbel noise of published loops, drawn for as many places as they draw it for.

For comparisons with recorded runs only. The plain form is `draws.gumbel`.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from inference.engine.decoding.draws import gumbel
from inference.engine.decoding.quotas import share_of_block
from inference.engine.decoding.rules import dinfer, klass
from inference.engine.decoding.sources import Reader, Reading, Source
from inference.engine.decoding.view import Block, Drawn, RunState, View


def gumbel_with_shadows(view: View) -> Drawn:
    """WINO: over the canvas and the masks that stand behind it, one for each place of the block."""
    if view.params.temperature == 0:
        return gumbel(view)
    length, extra = len(view.canvas), view.block.span[1] - view.block.span[0]
    return _drawn(view, (0, length + extra))


def gumbel_of_single_precision(view: View) -> Drawn:
    """DAEDAL: over the canvas, float32."""
    if view.params.temperature == 0:
        return gumbel(view)
    return _drawn(view, (0, len(view.canvas)), torch.float32)


def gumbel_behind_the_prompt(view: View) -> Drawn:
    """SlowFast: over all places behind the prompt, float32."""
    if view.params.temperature == 0:
        return gumbel(view)
    return _drawn(view, (view.canvas.prompt_length, len(view.canvas)), torch.float32)


def gumbel_after_credit(view: View) -> Drawn:
    """CreditDecoding: over the block, of the logits with credit."""
    judged = dinfer.with_credit(view)
    return gumbel_over_the_block(replace(view, choice=judged, ranking=judged))


def gumbel_over_the_block(view: View) -> Drawn:
    """dInfer: its decoders are given the block's logits alone."""
    if view.params.temperature == 0:
        return gumbel(view)
    return _drawn(view, view.block.span)


def noised(source: Source, temperature: float) -> Source:
    """KLASS: confidence and movement are those of the noised logits, exp(l) / (-ln u)^T."""

    def read(reader: Reader, state: RunState, block: Block) -> Reading:
        reading = source(reader, state, block)
        size = (1, len(state.canvas), reading.logits.shape[-1])
        uniform = torch.rand(size, dtype=torch.float64, generator=reader.rng(state.step))[0]
        rows = uniform.to(reading.logits.device)[reading.positions]
        return replace(reading, logits=_weights(reading.logits, rows, temperature))

    return read


def stable_by_topk(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """KLASS under noise, where many places have probability 1: torch.topk's order of equals."""
    chosen = klass.ready(view, drawn, scores)
    if len(chosen):
        return chosen
    full = torch.full((len(view.canvas),), -torch.inf, dtype=scores.dtype, device=scores.device)
    full[view.positions] = scores
    found = full.topk(min(share_of_block(view), len(scores))).indices
    return torch.searchsorted(view.positions, found)


def _drawn(view: View, span: tuple[int, int], dtype: torch.dtype = torch.float64) -> Drawn:
    """The largest weight [n] among numbers that are drawn for all places of a stretch."""
    logits = view.choice.eligible
    noise = view.batch_row.draw(view.generator, span, logits.shape[-1], dtype=dtype)
    rows = noise.to(logits.device)[view.positions - span[0]]
    return Drawn(_weights(logits, rows, view.params.temperature).argmax(-1), view.ranking)


def _weights(logits: Tensor, uniform: Tensor, temperature: float) -> Tensor:
    """exp(l) / (-ln u)^T [n, V], in the precision of the numbers."""
    return logits.to(uniform.dtype).exp() / (-uniform.log()) ** temperature
