"""Comparing branches."""

from __future__ import annotations

from typing import Any

from visualizer.commands.requests import Request
from visualizer.models import Session
from visualizer.selectors import StateRef, branch_for, comparison, head_of, labels_for, state_at
from visualizer.selectors.history import check_ref, tip
from visualizer.selectors.regrets import regrets as regrets_at


def diff(request: Request) -> dict[str, Any]:
    """diff_result: slots in which the ends of two branches differ, and how many agree."""
    session = request.session
    first, second = (_end(session, id) for id in request.message.branches)
    labels = labels_for(session)
    slots = sorted(first.keys() | second.keys())
    differing = [slot for slot in slots if first.get(slot) != second.get(slot)]
    return {
        "type": "diff_result",
        "branches": request.message.branches,
        "same": len(slots) - len(differing),
        "differences": [
            {"slot": slot, "tokens": [_cell(side.get(slot), labels) for side in (first, second)]}
            for slot in differing
        ],
    }


def _end(session: Session, id: int) -> dict[int, int]:
    branch = branch_for(session, id)
    canvas = state_at(session, StateRef(branch.pk, tip(branch)))
    return {slot.id: slot.token for slot in canvas.slots}


def _cell(token: int | None, labels: Any) -> dict[str, Any] | None:
    return None if token is None else {"token_id": token, "token": labels(token)}


def compare_branches(request: Request) -> dict[str, Any]:
    """comparison_result: positions, divergence, settings and measures of two states."""
    first, second = (
        comparison.side_for(request.asker, side.session_id, side.branch, side.step)
        for side in request.message.sides
    )
    return {"type": "comparison_result", **comparison.compare_branches(first, second)}


def regrets(request: Request) -> dict[str, Any]:
    """regret_result: the tokens whose probability has gone, as far as later passes tell."""
    session, message, head = request.session, request.message, head_of(request.session)
    branch = head.branch if message.branch is None else branch_for(session, message.branch).pk
    ref = StateRef(branch, head.number if message.step is None else message.step)
    check_ref(session, ref)
    told = regrets_at(session, *ref, threshold=message.threshold)
    return {"type": "regret_result", **ref._asdict(), **told}
