"""Applying selections: one step."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from core.worker.executor import Write
from inference.engine.canvas import Canvas, Operation
from visualizer.commands.requests import Request
from visualizer.models import Session
from visualizer.selectors import digest_at, head_of, state_at, state_update
from visualizer.selectors.candidates import view_of
from visualizer.selectors.edit_tokens import EditTokens, edit_tokens_of, operation_for
from visualizer.selectors.position_stats import numbers_of
from visualizer.services.staging import check_picks
from visualizer.services.steps import NewStep, apply_at_head
from visualizer.worker.slots import check_room, length_after, unused_slot


def apply_selection(request: Request) -> Write:
    """state_update after the step; from an older step on, it lies on a new branch."""

    def write() -> dict[str, Any]:
        after = write_picks(request.session, request.message.selections)
        return state_update(request.session, request.brief, canvas=after)

    return write


def write_picks(session: Session, picks: dict[int, int]) -> Canvas:
    """One step at the head: position → token. Returns the canvas after it.

    Raises UnmaskError (validation) naming the first pick that the canvas cannot take.
    """
    canvas, staged = state_at(session), session.staged
    check_picks(session=session, picks=picks, canvas=canvas)
    operations = edited(session, commits(session, picks, canvas))
    check_room(session, length_after(canvas, operations), "selections")
    new = NewStep(operations, recipe=_recipe(staged, operations), settings=session.settings)
    apply_at_head(session=session, new=new, before=canvas)
    return canvas.apply(operations)


def edited(session: Session, operations: list[Operation]) -> list[Operation]:
    """Commits of editing tokens as the insertions and deletions that they stand for."""
    edits = edit_tokens_of(session)
    if edits == EditTokens() or not any(row.get("token") in edits for row in operations):
        return operations
    fresh = count(unused_slot(session))
    return [
        operation_for(edits, row, fresh) if row["op"] == "commit" else row for row in operations
    ]


def commits(session: Session, picks: dict[int, int], canvas: Canvas) -> list[Operation]:
    """Commit operations with the probability that the model gave, and whose choice it was."""
    probability = _probabilities(session)
    staged = session.staged.get("selections", {})
    return [
        {
            "op": "commit",
            "slot": canvas.slots[position].id,
            "token": token,
            "p": probability(position, token),
            "by": _whose(staged.get(str(position)), token),
        }
        for position, token in sorted(picks.items())
    ]


def _whose(staged: dict[str, Any] | None, token: int) -> str:
    return "auto" if staged and staged["token"] == token and staged["by"] == "auto" else "hand"


def _recipe(staged: dict[str, Any], operations: list[Operation]) -> str:
    """The strategy's name when every pick is its own; else it was steered by hand."""
    automatic = all(operation["by"] == "auto" for operation in operations)
    return staged.get("strategy") or "manual" if automatic else "manual"


def _probabilities(session: Session) -> Callable[[int, int], float | None]:
    """(position, token) → its probability as it is shown; None if nothing was kept of it."""
    ref = head_of(session)
    digest = digest_at(session, ref)
    if digest is None:
        return lambda position, token: None
    return numbers_of(session, view_of(digest), ref.number).probability
