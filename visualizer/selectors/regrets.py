"""Regret: tokens that were written and that the model would not write any more.

A forward pass by hand covers every position, so it says how probable the tokens are that stand
there already. A run's own passes keep what they read, which are the open positions alone; what
such a run has written is judged by the next pass by hand, and not before. A run with
`keep_settled` keeps the written positions too, so that each of its steps judges those before.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from inference.engine.canvas import Canvas, fold
from inference.engine.digest_view import DigestView
from visualizer.models import Digest, Session
from visualizer.selectors.candidates import view_of
from visualizer.selectors.history import StateRef, branches_of, digests_on, start_of, steps_on
from visualizer.selectors.labels import labels_for
from visualizer.selectors.measures import Commit, commits_of

THRESHOLD = 0.5
PASSES = 16


def regrets(
    session: Session,
    branch: int,
    number: int,
    threshold: float = THRESHOLD,
    temperature: float = 1.0,
) -> dict[str, Any]:
    """Slots whose token has less than `threshold` now, and less than when it was written.

    `{"judged": n, "regret": {slot: {position, token_id, token, step, p, p_now, as_of}}}`: `judged`
    counts the tokens about which a later pass says something, `as_of` is that pass's state.
    """
    judged = judge(session, StateRef(branch, number), temperature)
    return {
        "judged": len(judged),
        "regret": {
            slot: row
            for slot, row in judged.items()
            if row["p_now"] < threshold and (row["p"] is None or row["p_now"] < row["p"])
        },
    }


def judge(session: Session, ref: StateRef, temperature: float = 1.0) -> dict[int, dict[str, Any]]:
    """Slot → what the latest pass over a state that holds its token says about it.

    The newest `PASSES` passes are asked, so that the cost does not grow with the history.
    """
    branches = branches_of(session)
    steps = list(steps_on(branches, ref))
    commits = commits_of(steps)
    found: dict[int, dict[str, Any]] = {}
    for digest in digests_on(branches, ref).reverse()[:PASSES]:
        canvas = fold(start_of(session), (s.operations for s in steps if s.number <= digest.number))
        unsaid = {
            slot: commit
            for slot, commit in commits.items()
            if commit.step <= digest.number and slot not in found
        }
        found |= _said(digest, canvas, unsaid, temperature)
    labels = labels_for(session)
    return {slot: {**row, "token": labels(row["token_id"])} for slot, row in found.items()}


def _said(
    digest: Digest, canvas: Canvas, commits: dict[int, Commit], temperature: float
) -> dict[int, dict[str, Any]]:
    """What one pass says about the commits that it covers."""
    if not digest.data:
        return {}
    view, where = view_of(digest), canvas.position_of
    return {
        slot: {
            "position": where[slot],
            "token_id": canvas.slot(slot).token,
            "step": commit.step,
            "p": commit.p,
            "p_now": probability(view, where[slot], canvas.slot(slot).token, temperature),
            "as_of": digest.number,
        }
        for slot, commit in commits.items()
        if where[slot] in view.row_of
    }


def probability(view: DigestView, position: int, token: int, temperature: float = 1.0) -> float:
    """A token's probability at a position; of one that is not listed, the most that it can be."""
    row = view.row_of[position]
    probs = view.probabilities(temperature, row)
    found = np.flatnonzero(view.ids[row] == token)
    return round(float(probs[found[0] if len(found) else -1]), 6)
