"""SlowFast: some cautious steps find how far confident text reaches; that stretch is then filled.

Source: arXiv 2506.10848; LiangrunFlora/Slow-Fast-Sampling, generate_slow_fast_sampling.py.
"""

from __future__ import annotations

import statistics
from typing import Any

from torch import Tensor

from inference.engine.decoding.blocks import chunks
from inference.engine.decoding.quotas import best
from inference.engine.decoding.recipe import Recipe
from inference.engine.decoding.sources import Reader, Reading, plain
from inference.engine.decoding.view import Block, Drawn, RunState, View
from inference.engine.forward import Request

ENOUGH = 2
"""So many confident places are written together; fewer give way to the best one."""


def cycle(state: RunState) -> Block | None:
    """The stretch at hand: while exploring up to the block's end, afterwards up to the cycle's.

    The carry holds `last`, where the last cycle ended, `end`, where this one ends (None while
    exploring), `lengths`, what the exploring steps found, and `steps`, how many this phase had.
    """
    found = chunks(state)
    if found is None and not _still_looks(state):
        return None
    note = _moved(state, found)
    state.carry["slowfast"] = {**note, "steps": note["steps"] + 1}
    end = note["block"][1] if note["end"] is None else note["end"]
    scope = tuple(i for i in state.canvas.writable_positions if note["last"] <= i < end)
    return Block(scope, (note["last"], end), 1, 0, note["steps"])


def _still_looks(state: RunState) -> bool:
    """Published loops make all exploring steps, also where nothing is left to write."""
    note = state.carry.get("slowfast")
    if note is None or note["end"] is not None:
        return False
    return state.params.official and bool(note["steps"] < state.params.explore_steps)


def _moved(state: RunState, found: Block | None) -> dict[str, Any]:
    """The note for this step: in the same phase, or in the next one if that is over."""
    note = state.carry.get("slowfast")
    if note is None:
        assert found is not None
        return _exploring(found.span, found.span[0])
    if note["end"] is None and note["steps"] >= state.params.explore_steps:
        note = {**note, "end": _cycle_end(state, note), "steps": 0}
    if found is None:
        return note
    end = note["block"][1] if note["end"] is None else note["end"]
    left = any(note["last"] <= i < end for i in state.canvas.writable_positions)
    looking = state.params.official and note["end"] is None
    if left or (looking and note["steps"] < state.params.explore_steps):
        return note
    same = tuple(note["block"]) == found.span
    return _exploring(found.span, end if same and end < found.span[1] else found.span[0])


def _exploring(span: tuple[int, int], last: int) -> dict[str, Any]:
    return {"block": list(span), "last": last, "end": None, "lengths": [], "steps": 0}


def _cycle_end(state: RunState, note: dict[str, Any]) -> int:
    """Where the cycle ends: the first length that agreed with those before it.

    If none did, the mean of the latest ones, rounded down.
    """
    lengths, width = note["lengths"] or [1], state.params.stable_window
    for count in range(width, len(lengths) + 1):
        latest = lengths[count - width : count]
        if statistics.pstdev(latest) < state.params.stable_deviation:
            return int(min(note["last"] + latest[-1], note["block"][1]))
    length = max(1, int(statistics.fmean(lengths[-width:])))
    return int(min(note["last"] + length, note["block"][1]))


def canvas_to_the_cycle(reader: Reader, state: RunState, block: Block) -> Reading:
    """In a cycle's first step everything is seen, in later ones only the canvas up to its end."""
    note = state.carry["slowfast"]
    if note["end"] is None or note["steps"] <= 1:
        return plain(reader, state, block)
    end = note["end"]
    positions = reader.tensor([i for i in state.canvas.writable_positions if i < end])
    ids = reader.tensor(state.canvas.tokens[:end])
    logits = reader.forward(reader.model, [Request(ids, positions)])[0]
    return Reading(positions, logits, (0, end))


def confident_together(view: View, drawn: Drawn, scores: Tensor) -> Tensor:
    """All that reach `threshold` if they are at least two, else the best one."""
    _note_length(view, scores)
    count = int((scores >= view.params.threshold).sum())
    return best(scores, count if count >= ENOUGH else 1)


def _note_length(view: View, scores: Tensor) -> None:
    """While exploring: how far the farthest place reaches that is at least `reach_threshold`."""
    note = view.state.carry["slowfast"]
    if note["end"] is not None:
        return
    far = view.positions[scores >= view.params.reach_threshold]
    length = int(far.max()) - note["last"] + 1 if len(far) else 1
    view.state.carry["slowfast"] = {**note, "lengths": [*note["lengths"], length]}


SLOWFAST = Recipe(quota=confident_together, block=cycle, source=canvas_to_the_cycle)
