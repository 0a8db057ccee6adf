"""ReMDM: random order; written tokens are masked again and get another chance.

Source: arXiv 2503.00307; kuleshov-group/remdm, diffusion.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from inference.engine.canvas import Operation
from inference.engine.decoding import scores as scoring
from inference.engine.decoding.blocks import whole
from inference.engine.decoding.recipe import Recipe
from inference.engine.decoding.revisions import revisable
from inference.engine.decoding.view import Block, Drawn, RunState, View


@dataclass(frozen=True)
class Moment:
    """Shares of written tokens before (a_t) and after (a_s) a step, and the remasking chance."""

    now: float
    then: float
    chance: float

    @property
    def writes(self) -> float:
        """The probability of a mask to be written: (a_s - (1 - r) a_t) / (1 - a_t)."""
        if self.now >= 1:
            return 1.0
        return (self.then - (1 - self.chance) * self.now) / (1 - self.now)


def moment(view: View) -> Moment:
    """The step's shares by the form that `remdm_form` names; a = 1 - t, t from 1 to 0.

    cap: r = min(eta, (1 - a_s) / a_t). rescale: r = eta min(1, (1 - a_s) / a_t). conf: r as for cap
    with eta 1, each place then takes its share of it (`shares`). loop: without remasking until
    `remask_on`, time stretched so that a reaches `loop_alpha`; there a stands still and r = eta;
    from `remask_off` on without remasking again. Before anything is written r = eta (conf: 1).
    """
    steps, index = view.state.steps, view.state.index
    # rounded, lest a border of the loop fall to the other side
    t, s = round(1 - index / steps, 9), round(1 - (index + 1) / steps, 9)
    return FORMS[view.params.remdm_form](view, max(t, 0.0), max(s, 0.0))


def _ratio(t: float, s: float) -> float:
    return s / (1 - t) if t < 1 else 1.0


def _cap(view: View, t: float, s: float) -> Moment:
    return Moment(1 - t, 1 - s, min(view.params.eta, _ratio(t, s)))


def _rescale(view: View, t: float, s: float) -> Moment:
    return Moment(1 - t, 1 - s, view.params.eta * min(1.0, _ratio(t, s)))


def _conf(view: View, t: float, s: float) -> Moment:
    return Moment(1 - t, 1 - s, min(1.0, _ratio(t, s)))


def _loop(view: View, t: float, s: float) -> Moment:
    on, off = view.params.remask_on, view.params.remask_off
    held = view.params.loop_alpha
    if t > on:
        return Moment((1 - t) * held / (1 - on), min(held, (1 - s) * held / (1 - on)), 0.0)
    if t > off:
        return Moment(held, held, view.params.eta)
    return (
        Moment(1 - t * (1 - held) / off, 1 - s * (1 - held) / off, 0.0) if off else _cap(view, t, s)
    )


FORMS = {"cap": _cap, "rescale": _rescale, "conf": _conf, "loop": _loop}


def ancestral(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """Each mask is written with the probability of the reverse process.

    A step may write nothing: with more steps than places that is what leaves time for remasking.
    In the last step the probability is 1.
    """
    last = view.state.index >= view.state.steps - 1
    now = moment(view)
    if view.params.remdm_form == "conf":  # masks have no share of the remasking
        now = replace(now, chance=0.0)
    chance = 1.0 if last else now.writes
    return (view.uniform().to(scores.device) < chance).nonzero()[:, 0]


def remask(view: View, drawn: Drawn, operations: list[Operation]) -> list[Operation]:
    """Each token that stood before the step is masked again with its chance; not in the last."""
    if view.state.index >= view.state.steps - 1:
        return operations
    places = [i for i in range(len(view.canvas)) if revisable(view, i)]
    chances = shares(view, places)
    draws = torch.rand(len(view.canvas), dtype=torch.float64, generator=view.generator)
    again = [i for i, chance in zip(places, chances, strict=True) if float(draws[i]) < chance]
    _remember(view, operations, again)
    return operations + [{"op": "remask", "slot": view.canvas.slots[i].id} for i in again]


def shares(view: View, places: list[int]) -> list[float]:
    """The remasking chance of each written place: the step's, of which conf gives each a share.

    There it is the softmax, over these places, of minus the probability at which each was written.
    """
    chance = moment(view).chance
    if view.params.remdm_form != "conf" or not places:
        return [chance] * len(places)
    known = view.state.carry.get("written_at", {})
    minus = [-known.get(str(view.canvas.slots[i].id), 0.0) for i in places]
    weights: list[float] = torch.tensor(minus, dtype=torch.float64).softmax(-1).tolist()
    return [chance * weight for weight in weights]


def _remember(view: View, operations: list[Operation], again: list[int]) -> None:
    if view.params.remdm_form != "conf":
        return
    known = dict(view.state.carry.get("written_at", {}))
    known |= {str(op["slot"]): op["p"] for op in operations if op["op"] == "commit"}
    for i in again:
        known.pop(str(view.canvas.slots[i].id), None)
    view.state.carry["written_at"] = known


def until_the_end(state: RunState) -> Block | None:
    """All open positions, as long as the run has steps: written tokens may be masked again."""
    scope = tuple(state.canvas.writable_positions)
    over = state.index >= state.steps
    if over or (not scope and not state.canvas.places):
        return whole(state)
    span = (scope[0], scope[-1] + 1) if scope else (0, 0)
    return Block(scope, span, max(1, state.steps - state.index), 0, state.index)


REMDM = Recipe(
    score=scoring.chance, quota=ancestral, block=until_the_end, revise=remask, reopens=True
)
