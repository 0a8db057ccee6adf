"""Making, naming, marking, pruning and restoring branches."""

from __future__ import annotations

from typing import Any

from visualizer.commands.requests import Request
from visualizer.models import Branch
from visualizer.selectors import StateRef, branch_for, head_of
from visualizer.selectors.event_payloads import branch_payload
from visualizer.selectors.history import branches_of, check_ref, home
from visualizer.services import branches, heads


def branch(request: Request) -> dict[str, Any]:
    """branch_changed: a fork at a step; the head goes there."""
    session, message = request.session, request.message
    head = head_of(session)
    ref = StateRef(head.branch, head.number if message.step is None else message.step)
    check_ref(session, ref)
    origin = home(branches_of(session), ref)
    fresh = branches.fork(
        session=session, parent_id=origin.branch, number=origin.number, name=message.name
    )
    heads.set_head(session=session, ref=StateRef(fresh.pk, origin.number))
    return _changed(fresh)


def change_branch(request: Request) -> dict[str, Any]:
    """branch_changed: the name and the mark as they are now."""
    row = branch_for(request.session, request.message.branch)
    branches.change_branch(branch=row, name=request.message.name, marked=request.message.marked)
    return _changed(row)


def prune(request: Request) -> dict[str, Any]:
    """branch_changed: the branch is put away; `restore` brings it back."""
    row = branch_for(request.session, request.message.branch)
    branches.prune(session=request.session, branch=row)
    row.refresh_from_db()
    return _changed(row)


def restore(request: Request) -> dict[str, Any]:
    """branch_changed: the branch is back."""
    row = branch_for(request.session, request.message.branch, pruned=True)
    branches.restore(branch=row)
    row.refresh_from_db()
    return _changed(row)


def _changed(row: Branch) -> dict[str, Any]:
    return {"type": "branch_changed", "branch": branch_payload(row)}
