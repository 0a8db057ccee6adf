"""Parts that do what the published loops of SDAR, LLaDA2 and Fast-dLLM v2 do where that differs.

For comparisons with recorded runs only.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from inference.engine.canvas import Operation
from inference.engine.decoding.distribution import Distribution
from inference.engine.decoding.draws import (
    filtered_but_first,
    filtered_view,
    starts_block,
)
from inference.engine.decoding.official.judged import Fixed
from inference.engine.decoding.official.loops import _share, transfer_schedule
from inference.engine.decoding.quotas import (
    block_share,
)
from inference.engine.decoding.revisions import edit
from inference.engine.decoding.view import Drawn, View
from inference.engine.processing import keep_top_k, keep_top_p
from inference.engine.reduce import largest


def multinomial_over_the_block(view: View) -> Drawn:
    """SDAR, LLaDA2: top-k before top-p; one multinomial over every place of the block.

    Written places draw too; their tokens are kept for those who look at them.
    """
    return _over_the_block(view, _top_k_first(view, view.choice))


def multinomial_at_temperature(view: View) -> Drawn:
    """SDAR under OpenCompass: the same, but judged before top-k and top-p.

    One unused float64 tensor is drawn first.
    """
    judged = Distribution(view.choice.logits / (view.params.temperature or 1.0))
    size = view.block.span[1] - view.block.span[0]
    shape = (1, size, judged.logits.shape[-1])
    torch.rand(shape, dtype=torch.float64, generator=view.generator)
    drawn = _over_the_block(view, _top_k_first(view, view.choice))
    return Drawn(drawn.tokens, judged)


def _top_k_first(view: View, source: Distribution) -> Distribution:
    params = view.params
    logits = source.logits / (params.temperature or 1.0)
    return Distribution(keep_top_p(keep_top_k(logits, params.top_k), params.top_p))


def _over_the_block(view: View, judged: Distribution) -> Drawn:
    if view.params.temperature == 0:
        return Drawn(largest(judged.logits), judged)
    start, end = view.block.span
    probs = torch.ones(end - start, judged.logits.shape[-1])
    probs[view.positions - start] = judged.probs
    written = None
    if view.settled is not None and view.shadow is not None:
        written = _top_k_first(view, view.shadow)
        probs[view.settled - start] = written.probs
    tokens = torch.multinomial(probs, 1, generator=view.generator)[:, 0]
    drawn = Drawn(tokens[view.positions - start], judged)
    if written is None or view.settled is None:
        return drawn
    return replace(drawn, written_tokens=tokens[view.settled - start], written=written)


def edit_as_drawn(view: View, drawn: Drawn, operations: list[Operation]) -> list[Operation]:
    """LLaDA2.1: a written token gives way to the one that was *drawn* for its place."""
    if drawn.written_tokens is None or drawn.written is None:
        return edit(view, drawn, operations)
    probs = drawn.written.prob_of(drawn.written_tokens)
    shadow = Fixed(drawn.written_tokens, probs)
    return edit(replace(view, shadow=shadow), drawn, operations)


def share_over_the_block(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """SDAR's `generate`: torch.topk over the block; what exceeds its masks is not used here.

    The published loop then writes over places that hold a token (`overwritten`).
    """
    chosen = _block_topk(view, scores, block_share(view))
    return torch.searchsorted(view.positions, chosen[torch.isin(chosen, view.positions)])


def schedule_over_the_block(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """PC-Sampler: LLaDA's schedule by torch.topk over the block: its order of equal scores."""
    counts = transfer_schedule(view.block.masks_at_start, _share(view.block))
    due = counts[view.block.step] if view.block.step < len(counts) else 0
    chosen = _block_topk(view, scores, min(due, len(scores)))
    return torch.searchsorted(view.positions, chosen)


def _block_topk(view: View, scores: Tensor, count: int) -> Tensor:
    start, end = view.block.span
    full = torch.full((end - start,), -torch.inf)
    full[view.positions - start] = scores.float()
    return full.topk(count).indices + start


def overwritten(view: View, drawn: Drawn, operations: list[Operation]) -> list[Operation]:
    """SDAR's `generate`: a share larger than the masks left falls on places that hold a token."""
    if view.settled is None or drawn.written_tokens is None:
        return operations
    chosen = _block_topk(view, drawn.probs, block_share(view)).tolist()
    tokens = dict(zip(view.settled.tolist(), drawn.written_tokens.tolist(), strict=True))
    slots = view.canvas.slots
    return operations + [
        {"op": "edit", "slot": slots[i].id, "token": tokens[i], "p": 0.0, "by": "auto"}
        for i in chosen
        if i in tokens and tokens[i] != slots[i].token
    ]


def confident_or_topk(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """SDAR's `generate`: all above the threshold if they fill the share, else torch.topk's."""
    sure = (scores > view.params.threshold).nonzero()[:, 0]
    enough = len(sure) >= block_share(view)
    return sure if enough else share_over_the_block(view, drawn, scores)


def overwritten_unless_confident(
    view: View, drawn: Drawn, operations: list[Operation]
) -> list[Operation]:
    """As `overwritten`, where the share is not filled by what exceeds the threshold."""
    enough = int((drawn.probs > view.params.threshold).sum()) >= block_share(view)
    return operations if enough else overwritten(view, drawn, operations)


def multinomial_over_the_small_block(view: View) -> Drawn:
    """Fast-dLLM v2: one multinomial over every place of the small block."""
    if starts_block(view) or view.params.temperature == 0:
        return filtered_but_first(view)
    return multinomial_over_the_span(view)


def multinomial_over_the_span(view: View) -> Drawn:
    """Dream's filters; one multinomial over every place of the stretch, written or not."""
    start, end = view.block.span
    judged = filtered_view(view)
    probs = torch.ones(end - start, judged.logits.shape[-1])
    probs[view.positions - start] = judged.probs
    tokens = torch.multinomial(probs, 1, generator=view.generator)[:, 0]
    return Drawn(tokens[view.positions - start], judged)


def pads_behind_the_end(view: View, drawn: Drawn, operations: list[Operation]) -> list[Operation]:
    """Fast-dLLM v2's `batch_sample`: what stands behind the end in a full block becomes padding."""
    canvas = view.canvas.apply(operations)
    size = view.spec.block_size or len(canvas)
    start = view.block.span[0] // size * size
    slots = canvas.slots[start : start + size]
    ends = [i for i, slot in enumerate(slots) if slot.token == view.spec.eos_id and not slot.prompt]
    if not ends or any(slot.token == canvas.mask_id for slot in slots):
        return operations
    change = {"op": "edit", "token": view.spec.eos_id, "p": 0.0, "by": "auto"}
    behind = [slot.id for slot in slots[ends[0] :] if slot.token != view.spec.eos_id]
    return operations + [{**change, "slot": slot} for slot in behind]
