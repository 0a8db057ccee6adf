"""P2, path planning: every place is judged anew in each step, and the least likely are masked.

Source: arXiv 2502.03540; pengzhangzhi/Path-Planning, src/path_planning/p2.py.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from inference.engine.canvas import Operation
from inference.engine.decoding.recipe import Recipe
from inference.engine.decoding.revisions import revisable
from inference.engine.decoding.sources import with_settled
from inference.engine.decoding.view import Block, Drawn, RunState, View

KAPPA: dict[str, Callable[[float], float]] = {
    "linear": lambda t: t,
    "geometric": lambda t: 1 - (1 - t) ** 2,
}
"""Share of the places that stand after time t from 0 to 1."""


def all_steps(state: RunState) -> Block | None:
    """All open positions, for exactly `steps` steps; written ones may open again."""
    scope = tuple(state.canvas.writable_positions)
    over = state.index >= state.steps and (state.params.official or not scope)
    if over or not state.canvas.places:
        return None
    return Block(scope, (0, len(state.canvas)), max(1, state.steps - state.index), 0, state.index)


def planned(view: View, drawn: Drawn) -> tuple[Tensor, Tensor]:
    """Which of the open [n] and of the written places [m] are to be masked after the step.

    Score: log p of the token that the model would choose there now, times `p2_eta` at written
    places. The int(places (1 - kappa)) lowest, strictly below the next, are masked.
    """
    shadow = drawn.written or view.shadow
    written = shadow.p1.log() if shadow is not None else drawn.probs[:0]
    joined = torch.cat([drawn.probs.log(), written.to(drawn.probs) * view.params.p2_eta])
    t = min(1.0, (view.state.index + 1) / view.state.steps)
    # in float32, as the published code: 12 * (1 - 5 / 12) is 7
    count = int(torch.tensor(len(joined)) * (1 - KAPPA[view.params.p2_kappa](t)))
    if count >= len(joined):
        masked = torch.ones_like(joined, dtype=torch.bool)
    else:
        masked = joined < joined.sort().values[count]
    split = len(view.positions)
    return masked[:split], masked[split:]


def kept(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """The open places that are not to be masked."""
    return (~planned(view, drawn)[0]).nonzero()[:, 0]


def remask_lowest(view: View, drawn: Drawn, operations: list[Operation]) -> list[Operation]:
    """The written places that are to be masked open again."""
    if view.settled is None:
        return operations
    masked = planned(view, drawn)[1].tolist()
    pairs = zip(view.settled.tolist(), masked, strict=True)
    again = [i for i, gone in pairs if gone and revisable(view, i)]
    return operations + [{"op": "remask", "slot": view.canvas.slots[i].id} for i in again]


P2 = Recipe(quota=kept, block=all_steps, revise=remask_lowest, source=with_settled, reopens=True)
