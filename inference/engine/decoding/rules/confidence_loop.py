"""A loop of reopening the least likely tokens and writing the best ones, in the manner of ReMDM.

Source: NEUIR/PC-Sampler, src/generate.py, generate_with_remdm.
"""

from __future__ import annotations

import torch
from torch import Tensor

from inference.engine.canvas import Operation
from inference.engine.decoding.quotas import best
from inference.engine.decoding.recipe import Recipe
from inference.engine.decoding.revisions import revisable
from inference.engine.decoding.sources import with_settled
from inference.engine.decoding.view import Block, Drawn, RunState, View


def reopening(state: RunState) -> bool:
    """Whether this step only reopens: every second one, once `loop_start` of the places stand."""
    carry = state.carry
    if "looped" not in carry:
        places = state.canvas.places
        written = len(places) - len(state.canvas.open_positions)
        if written < int(len(places) * state.params.loop_start):
            return False
        carry["looped"] = 0
    return bool(carry["looped"] < 2 * state.params.loop_steps and carry["looped"] % 2 == 0)


def whole_loop(state: RunState) -> Block | None:
    """All open positions, the span of the canvas, until all is written and the loop is over."""
    again = reopening(state)
    scope = () if again else tuple(state.canvas.writable_positions)
    if not state.canvas.places or not (scope or again):
        return None
    return Block(scope, (0, len(state.canvas)), 1, 0, state.index)


def remask_least_likely(view: View, drawn: Drawn, operations: list[Operation]) -> list[Operation]:
    """In a step that reopens: the `loop_tokens` written tokens of the lowest probability."""
    carry = view.state.carry
    again = reopening(view.state)
    if "looped" in carry:
        carry["looped"] += 1
    if not again or view.settled is None or view.shadow is None:
        return operations
    held = torch.tensor([view.canvas.slots[i].token for i in view.settled.tolist()])
    probs = view.shadow.prob_of(held.to(view.settled.device)).tolist()
    pairs = sorted(zip(probs, view.settled.tolist(), strict=True))
    places = [i for _, i in pairs if revisable(view, i)][: view.params.loop_tokens]
    return operations + [{"op": "remask", "slot": view.canvas.slots[i].id} for i in places]


def loop_tokens(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """The `loop_tokens` best."""
    return best(scores, view.params.loop_tokens)


CONFIDENCE_LOOP = Recipe(
    quota=loop_tokens,
    block=whole_loop,
    revise=remask_least_likely,
    source=with_settled,
    reopens=True,
)
