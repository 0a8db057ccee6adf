"""What a line of steps amounts to: its commits, its cost, and its order."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from inference.engine.canvas import Canvas, fold
from visualizer.models import Session, Step
from visualizer.selectors.history import StateRef, branches_of, digests_on, start_of, steps_on
from visualizer.selectors.pass_numbers import renewed

WRITES = ("commit", "edit")
CLEARS = ("remask", "delete")


class Commit(NamedTuple):
    """The step that wrote what a slot holds, and how probable the token was then."""

    step: int
    p: float | None


@dataclass(frozen=True)
class History:
    """A session up to a state: the canvas, its steps, slot → commit."""

    session: Session
    ref: StateRef
    canvas: Canvas
    steps: list[Step]
    commits: dict[int, Commit]

    @cached_property
    def forwards(self) -> list[dict[str, Any]]:
        """Summaries of the passes that led to its steps, under the settings of now."""
        passes = digests_on(branches_of(self.session), self.ref).filter(number__lt=self.ref.number)
        now = renewed(self.session, self.ref, room=None).passes
        kept = passes.values_list("number", "summary")
        return [{**summary, **now.get(number, {})} for number, summary in kept]


def history_of(session: Session, ref: StateRef) -> History:
    """Everything up to a state, in two queries."""
    branches = branches_of(session)
    steps = list(steps_on(branches, ref).select_related("run"))
    canvas = fold(start_of(session), (step.operations for step in steps))
    return History(session, ref, canvas, steps, commits_of(steps))


def commits_of(steps: list[Step]) -> dict[int, Commit]:
    """Slot → the commit that still holds after the steps."""
    commits: dict[int, Commit] = {}
    for step in steps:
        for operation in step.operations:
            if operation["op"] in WRITES:
                commits[operation["slot"]] = Commit(step.number, operation.get("p"))
            elif operation["op"] in CLEARS:
                commits.pop(operation["slot"], None)
    return commits


def measures(history: History) -> dict[str, Any]:
    """Counts and means; null where there is nothing to take the mean of.

    Confidence is the mean probability of the tokens when they were written, entropy the mean in
    nats over the forward passes of the mean over open positions.
    """
    tokens, forwards = len(history.commits), len(history.forwards)
    entropies = [row["entropy"] for row in history.forwards if "entropy" in row]
    return {
        "steps": len(history.steps),
        "tokens": tokens,
        "masked": len(history.canvas.open_positions),
        "forwards": forwards,
        "tokens_per_forward": round(tokens / forwards, 3) if forwards else None,
        "mean_confidence": _mean([c.p for c in history.commits.values() if c.p is not None]),
        "mean_entropy": _mean(entropies),
        "kendall_tau": left_to_right(history),
        "milliseconds": round(sum(step.timings.get("total", 0) for step in history.steps), 1),
    }


def left_to_right(history: History) -> float | None:
    """Kendall's tau-b of position and step of writing: 1 = from left to right, -1 = backwards."""
    where = history.canvas.position_of
    pairs = [(where[slot], c.step) for slot, c in history.commits.items() if slot in where]
    if len(pairs) < 2:
        return None
    positions, steps = np.asarray(sorted(pairs)).T
    return kendall(positions, steps)


def kendall(first: Any, second: Any) -> float | None:
    """Kendall's tau-b (Kendall 1945, ties in both ranks) of two rows; None if one is constant."""
    one, two = (np.sign(row[:, None] - row[None, :]).astype(np.int8) for row in (first, second))
    weight = float(np.count_nonzero(one)) * float(np.count_nonzero(two))
    if not weight:
        return None
    return round(float((one.astype(np.int32) * two).sum()) / math.sqrt(weight), 4)


def _mean(values: list[float]) -> float | None:
    return round(sum(values) / len(values), 4) if values else None
