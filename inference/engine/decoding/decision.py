"""The decision of one step: draw tokens, rank positions, write the best, revise."""

from __future__ import annotations

import torch
from torch import Tensor

from inference.engine.canvas import Operation
from inference.engine.decoding import scores as scoring
from inference.engine.decoding.recipe import Recipe
from inference.engine.decoding.view import Block, Drawn, View


def within(view: View, block: Block) -> View:
    """The view of those of its positions that may be written."""
    positions = view.positions.tolist()
    if tuple(positions) == block.scope:
        return view
    allowed = set(block.scope)
    inside = [position in allowed for position in positions]
    return view.only(torch.tensor(inside, dtype=torch.bool, device=view.device))


def decide(recipe: Recipe, view: View) -> list[Operation]:
    """The operations of one step: draw, score, quota, commit, revise."""
    drawn = recipe.draw(view)
    kept_view, kept = _without_end(view, drawn) if view.params.eos_last else (view, drawn)
    operations: list[Operation] = []
    if len(kept_view.positions) or view.params.official:  # published loops score nothing, too
        scores = recipe.score(kept_view, kept)
        if not view.params.official:
            scores = scoring.tempered(kept_view, scores)
        operations = commits(kept_view, kept, recipe.quota(kept_view, kept, scores))
    if recipe.revise is not None:
        operations = recipe.revise(kept_view, kept, operations)
    return operations


def commits(view: View, drawn: Drawn, chosen: Tensor) -> list[Operation]:
    """Commit operations in order of position; a drawn mask leaves its place as it is."""
    rows = sorted(chosen.tolist())
    tokens, positions = drawn.tokens.tolist(), view.positions.tolist()
    if drawn.judged is view.choice:  # then the scores have them already
        probs = drawn.probs.tolist()
    else:
        probs = view.choice.prob_of(drawn.tokens).tolist()
    slots, mask = view.canvas.slots, view.canvas.mask_id
    return [
        {
            "op": "commit",
            "slot": slots[positions[i]].id,
            "token": tokens[i],
            "p": probs[i],
            "by": "auto",
        }
        for i in rows
        if tokens[i] != mask
    ]


def _without_end(view: View, drawn: Drawn) -> tuple[View, Drawn]:
    """Leaves out places that would end the text, as long as there are others."""
    ends = view.spec.end_ids
    keep = ~torch.isin(drawn.tokens, torch.tensor(ends, device=drawn.tokens.device))
    if bool(keep.all()) or not bool(keep.any()):
        return view, drawn
    return view.only(keep), drawn.only(keep)
