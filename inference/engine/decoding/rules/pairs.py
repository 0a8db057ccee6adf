"""Pairs: a step writes two tokens, the second chosen once it is known what the first one changes.

The likeliest tokens of the second place are tried in canvases of their own, all in one batched
forward: the canvas without any of them says which one stands there, and the one that holds it says
what comes next. A draft tree one token deep, as in Medusa (arXiv 2401.10774) and Spiffy (arXiv
2509.18085), but what was not tried is not written, so that every step but the first writes two.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from inference.engine.canvas import Operation
from inference.engine.decoding.blocks import aligned, chunks, up_to_the_border
from inference.engine.decoding.distribution import Distribution
from inference.engine.decoding.end_of_text import block_is_done, endings
from inference.engine.decoding.quotas import nothing
from inference.engine.decoding.recipe import Recipe
from inference.engine.decoding.sources import Reader, Reading
from inference.engine.decoding.view import Block, Drawn, RunState, View
from inference.engine.forward import Request

Write = tuple[int, int, float]
"""A position, its token, and the token's probability."""


def tried(state: RunState, block: Block) -> tuple[int, list[int]] | None:
    """The place and the tokens that the step before left to be tried, if it is still open."""
    for slot, tokens in state.carry.get("tried", []):
        position = state.canvas.position_of.get(slot)
        if position in block.scope and tokens:
            return position, tokens
    return None


def canvases(state: RunState, block: Block) -> list[list[int]]:
    """The canvas, and the canvas with each of the tokens that are tried."""
    rows, found = [list(state.canvas.tokens)], tried(state, block)
    if found is not None:
        position, tokens = found
        rows += [[*rows[0][:position], token, *rows[0][position + 1 :]] for token in tokens]
    return rows


def read(reader: Reader, state: RunState, block: Block) -> Reading:
    """All open places of the canvas; in the same forward, those of the block in the others."""
    open_now = state.canvas.writable_positions
    own, scope = reader.tensor(open_now), reader.tensor(list(block.scope))
    first, *others = [reader.tensor(row) for row in canvases(state, block)]
    asked = [Request(first, own), *(Request(row, scope) for row in others)]
    logits, *beside = reader.forward(reader.model, asked)
    beside = [logits[torch.isin(own, scope)], *beside]
    return Reading(own, logits, (0, len(state.canvas)), beside=beside)


def written(view: View, drawn: Drawn, operations: list[Operation]) -> list[Operation]:
    """The token at the place that was tried, and what the canvas with it says next."""
    rows, found = canvases(view.state, view.block), tried(view.state, view.block)
    view.state.carry["tried"] = []
    if found is None:
        return _commits(view, _next(view, rows[0], view.beside[0]))
    number, write = _confirmed(view, *found)
    made = _commits(view, [write])
    if _ends(view, made):
        return made
    return made + _commits(view, _next(view, rows[1 + number], view.beside[1 + number]))


def _commits(view: View, writes: list[Write]) -> list[Operation]:
    slots = view.canvas.slots
    return [
        {"op": "commit", "slot": slots[i].id, "token": token, "p": prob, "by": "auto"}
        for i, token, prob in writes
    ]


def _ends(view: View, made: list[Operation]) -> bool:
    """Whether these operations end the text, so that nothing is to be written behind them."""
    over = view.params.stop_at_end
    over = over or (view.params.stop_after_block and block_is_done(view, made))
    return over and bool(endings(view, made))


def _confirmed(view: View, position: int, tokens: list[int]) -> tuple[int, Write]:
    """Which of the tried tokens stands at the place, by the canvas in which it is open."""
    row = view.block.scope.index(position)
    logits = view.beside[0][row : row + 1]
    ids = torch.tensor([tokens], device=logits.device)
    among = Distribution(logits[:, tokens], view.choice.barred, ids)
    token = _chosen(view, among, position)
    prob = Distribution(logits, view.choice.barred).prob_of(token)
    return tokens.index(int(token)), (position, int(token), float(prob))


def _next(view: View, tokens: list[int], logits: Tensor) -> list[Write]:
    """What is written at the place of least entropy; those of the second place are to be tried."""
    mask, scope = view.canvas.mask_id, view.block.scope
    rows = [row for row, position in enumerate(scope) if tokens[position] == mask]
    judged = Distribution(logits[rows], view.choice.barred)
    entropy = judged.entropy.tolist()
    # the block that is worked on comes before the one behind it
    behind = [scope[row] >= view.block.span[1] for row in rows]
    order = sorted(range(len(rows)), key=lambda i: (behind[i], entropy[i]))
    view.state.carry["tried"] = [
        [view.canvas.slots[scope[rows[i]]].id, _likeliest(view, judged.rows(_row(i, logits)))]
        for i in order[1:2]
    ]
    found = []
    for i in order[:1]:
        one, position = judged.rows(_row(i, logits)), scope[rows[i]]
        token = _chosen(view, one, position)
        found.append((position, int(token), float(one.prob_of(token))))
    return found


def _row(number: int, like: Tensor) -> Tensor:
    return torch.tensor([number], device=like.device)


def _likeliest(view: View, one: Distribution) -> list[int]:
    """The tokens to try, best first: fewer where fewer may be written."""
    best = one.eligible.topk(min(view.params.draft_width, one.logits.shape[-1]))
    return best.indices[0, best.values[0] > -torch.inf].tolist()


def _chosen(view: View, one: Distribution, position: int) -> Tensor:
    """A token [1] of the distribution of a place: the likeliest, or one that is drawn."""
    if view.params.temperature == 0:
        return one.best
    uniform = view.uniform_at([position]).to(one.logits.device)
    return one.draw(uniform, view.params.temperature)


def with_the_next(base: Callable[[RunState], Block | None]) -> Callable[[RunState], Block | None]:
    """A block rule whose blocks take in the next one's places where a step may end the block."""

    def block(state: RunState) -> Block | None:
        found = base(state)
        if found is None or len(found.scope) > 2:
            return found
        token = 0 if state.canvas.mask_id else 1
        full: list[Operation] = [
            {"op": "commit", "slot": state.canvas.slots[i].id, "token": token} for i in found.scope
        ]
        behind = base(replace(state, canvas=state.canvas.apply(full), carry=dict(state.carry)))
        return found if behind is None else replace(found, scope=found.scope + behind.scope)

    return block


PAIRS = Recipe(quota=nothing, block=with_the_next(chunks), revise=written, source=read)
PAIRS_BLOCKS = Recipe(
    quota=nothing,
    block=with_the_next(aligned),
    prepare=up_to_the_border,
    revise=written,
    source=read,
)
