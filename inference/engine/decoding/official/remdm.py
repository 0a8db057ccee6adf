"""ReMDM's published loop: token and "stays masked" are drawn together, for every place at once.

Source: arXiv 2503.00307; kuleshov-group/remdm, diffusion.py. Used for comparisons only.
"""

from __future__ import annotations

import torch
from torch import Tensor

from inference.engine.canvas import Operation
from inference.engine.decoding.recipe import Recipe
from inference.engine.decoding.rules.remdm import Moment
from inference.engine.decoding.sources import plain
from inference.engine.decoding.view import Block, Drawn, RunState, View

TINY = 1e-10


def evaluations(state: RunState) -> Block | None:
    """An evaluation as long as there are steps, and one more that takes every place's best.

    A step that changes nothing is followed by the next with the same prediction.
    """
    done = int(state.carry.get("remdm_step", 0))
    if done > state.steps:
        return None
    scope = tuple(state.canvas.writable_positions)
    return Block(scope, (0, len(state.canvas)), 1, 0, done)


def drawn_together(view: View) -> Drawn:
    """The open places' tokens as the steps leave them; the mask where one stays open."""
    before = torch.tensor(view.canvas.tokens)
    probs = _probabilities(view)
    done, after = view.block.step, before
    if done >= view.state.steps:
        after = torch.where(before == view.canvas.mask_id, probs.argmax(-1), before)
        done += 1
    else:
        while done < view.state.steps and torch.equal(after, before):
            after = _sampled(view, before, probs, done)
            done += 1
    view.state.carry.update(remdm_step=done, remdm_after=after.tolist())
    return Drawn(after[view.positions], view.ranking)


def _probabilities(view: View) -> Tensor:
    """p(x0) [L, V], float64: without the mask, one-hot at written places, within the nucleus."""
    tokens, mask = view.canvas.tokens, view.canvas.mask_id
    probs = torch.zeros(len(tokens), view.choice.logits.shape[-1], dtype=torch.float64)
    logits = view.choice.logits.double()
    logits[:, mask] = -torch.inf
    probs[view.positions] = _nucleus(logits.softmax(-1), view.params.top_p)
    for place, token in enumerate(tokens):
        if token != mask:
            probs[place, token] = 1.0
    return probs


def _nucleus(probs: Tensor, p: float) -> Tensor:
    """Without the token that crosses the threshold, as published; the best always stays."""
    if p >= 1:
        return probs
    ordered, ids = probs.sort(dim=-1, descending=True)
    keep = ordered.cumsum(-1) <= p
    keep[:, 0] = True
    ordered = ordered * keep
    ordered = ordered / ordered.sum(-1, keepdim=True)
    return torch.zeros_like(probs).scatter_(-1, ids, ordered)


def _sampled(view: View, tokens: Tensor, probs: Tensor, step: int) -> Tensor:
    """The canvas [L] after one step: argmax of q over exponential noise."""
    mask = view.canvas.mask_id
    moment, remasks = _moment(view, step)
    chance = _chances(view, moment, remasks)[:, None]
    keeps = probs * (1 - chance)
    keeps[:, mask] = chance[:, 0]
    # of masks: written with (a_s - (1 - r) a_t) / (1 - a_t)
    stays = 1 - moment.then - chance * moment.now
    opens = probs * ((moment.then - (1 - chance) * moment.now) / (1 - moment.now))
    opens[:, mask] = (stays / (1 - moment.now))[:, 0]
    is_open = (tokens == mask)[:, None]
    law = torch.where(is_open, opens, keeps)
    noise = torch.rand(law.shape, dtype=torch.float64, generator=view.generator)
    after = (law / (TINY - (noise + TINY).log())).argmax(-1)
    if not remasks:
        after = torch.where(is_open[:, 0], after, tokens)
    _remember(view, tokens, after, probs)
    return after


def _moment(view: View, step: int) -> tuple[Moment, bool]:
    """The step's shares, and whether written tokens may be masked again in it."""
    params, steps = view.params, view.state.steps
    times = torch.linspace(1, params.eps, steps + 1)
    t = float(times[step])
    s = float(times[step] - (1 - params.eps) / steps)
    form = params.remdm_form
    if form == "loop":
        return _loop(view, t, s)
    ratio = s / (1 - t) if t < 1 else float("inf")
    chance = {
        "cap": min(params.eta, ratio),
        "rescale": params.eta * min(1.0, ratio),
        "conf": min(1.0, ratio),
    }[form]
    return Moment(1 - t, 1 - s, chance), chance > 0


def _loop(view: View, t: float, s: float) -> tuple[Moment, bool]:
    on, off, held = view.params.remask_on, view.params.remask_off, view.params.loop_alpha
    if t > on:
        stretch = held / (1 - on)
        return Moment((1 - t) * stretch, (1 - s) * stretch, 0.0), False
    if t <= off:
        stretch = (1 - held) / off
        return Moment(1 - t * stretch, 1 - s * stretch, 0.0), False
    return Moment(held, held, view.params.eta), True


def _chances(view: View, moment: Moment, remasks: bool) -> Tensor:
    """The chance [L] of each place to be masked again."""
    length = len(view.canvas)
    if view.params.remdm_form != "conf" or not remasks:
        return torch.full((length,), moment.chance, dtype=torch.float64)
    known = view.state.carry.get("remdm_conf", [None] * length)
    scores = [-torch.inf if one is None else -one for one in known]
    weights = torch.tensor(scores, dtype=torch.float32).softmax(-1).nan_to_num(0.0)
    return weights.double() * moment.chance


def _remember(view: View, before: Tensor, after: Tensor, probs: Tensor) -> None:
    """The probability at which each place was written, None where it is open."""
    mask = view.canvas.mask_id
    known = view.state.carry.get("remdm_conf", [None] * len(before))
    fresh = probs.gather(-1, after[:, None])[:, 0].tolist()
    pairs = zip(before.tolist(), after.tolist(), strict=True)
    view.state.carry["remdm_conf"] = [
        None if new == mask else (fresh[i] if old == mask else known[i])
        for i, (old, new) in enumerate(pairs)
    ]


def all_drawn(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """Every open place; those that were drawn as the mask stay open."""
    return torch.arange(len(scores))


def masked_again(view: View, drawn: Drawn, operations: list[Operation]) -> list[Operation]:
    """Written places that were drawn as the mask."""
    after, mask = view.state.carry.pop("remdm_after"), view.canvas.mask_id
    again = [i for i, t in enumerate(view.canvas.tokens) if t != mask and after[i] == mask]
    return operations + [{"op": "remask", "slot": view.canvas.slots[i].id} for i in again]


REMDM = Recipe(
    quota=all_drawn,
    draw=drawn_together,
    block=evaluations,
    revise=masked_again,
    source=plain,
    reopens=True,
)
