"""A-CFG: guidance away from what the canvas says without its least confident tokens.

Source: arXiv 2505.20199 (its repository holds no code: from the paper). What is masked on the
unconditional side is chosen anew in each step.
"""

from __future__ import annotations

from inference.engine.decoding.recipe import Recipe
from inference.engine.decoding.sources import Reader, Reading
from inference.engine.decoding.view import Block, RunState


def adaptively_guided(reader: Reader, state: RunState, block: Block) -> Reading:
    """Logits l_u + (w + 1)(l - l_u); l_u with the least confident written tokens masked.

    Confidence: the probability of the best token at the written place. At least one token is
    masked, `a_cfg_share` of them else; before anything is written there is no guidance.
    """
    open_now, slots = state.canvas.writable_positions, state.canvas.slots
    mask = state.canvas.mask_id
    written = [i for i in state.canvas.places if slots[i].token != mask]
    logits = reader.look([state.canvas.tokens], open_now + written)[0]
    count = len(open_now)
    positions, plain = reader.tensor(open_now), logits[:count]
    if written and state.params.cfg_scale > 0:
        sure = logits[count:].float().softmax(-1).max(-1).values
        least = sure.argsort(stable=True)[: max(1, int(len(written) * state.params.a_cfg_share))]
        bare = list(state.canvas.tokens)
        for row in least.tolist():
            bare[written[row]] = mask
        base = reader.look([bare], open_now)[0]
        plain = base + (state.params.cfg_scale + 1) * (plain - base)
    return Reading(positions, plain, (0, len(state.canvas)))


A_CFG = Recipe(source=adaptively_guided)
