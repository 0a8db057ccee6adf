"""Branches: forks of the line of steps."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from inference.errors import UnmaskError
from inference.events import publish
from visualizer.models import Branch, Run, Session
from visualizer.selectors import event_payloads
from visualizer.selectors.history import branches_of


@transaction.atomic
def fork(*, session: Session, parent_id: int, number: int, name: str | None = None) -> Branch:
    """A new branch that continues its parent after the parent's step `number`."""
    count = Branch.objects.filter(session=session).count()
    branch = Branch.objects.create(
        session=session,
        parent_id=parent_id,
        fork_number=number,
        name=_unused(session, name or f"branch {count}"),
    )
    _tell(branch)
    return branch


def _unused(session: Session, name: str) -> str:
    """The name itself, or with the first free number behind it, in 100 characters."""
    taken = set(Branch.objects.filter(session=session).values_list("name", flat=True))
    tries = (name, *(f"{name[:94]} ({number})" for number in range(2, len(taken) + 2)))
    return next(one for one in tries if one not in taken)


@transaction.atomic
def change_branch(*, branch: Branch, name: str | None = None, marked: bool | None = None) -> None:
    """Name a branch, mark it or take the mark away."""
    branch.name = branch.name if name is None else name
    branch.marked = branch.marked if marked is None else marked
    branch.save(update_fields=["name", "marked"])
    _tell(branch)


@transaction.atomic
def prune(*, session: Session, branch: Branch) -> None:
    """Put a branch and all that grew from it away. Refuses the root and the line of the head."""
    if branch.parent_id is None:
        raise UnmaskError("validation", "The first branch cannot be pruned.", "branch")
    branches = branches_of(session)
    gone = {branch.pk}
    for candidate in branches.values():
        if candidate.parent_id in gone:
            gone.add(candidate.pk)
    if session.head_branch_id in gone:
        raise UnmaskError("conflict", "You are looking at this branch. Leave it first.", "branch")
    if Run.objects.filter(branch__in=gone, status__in=Run.ACTIVE).exists():
        raise UnmaskError("conflict", "A run is going on there. Stop it first.", "branch")
    now = timezone.now()
    for id in sorted(gone):
        if branches[id].pruned is None:
            _set_pruned(branches[id], now)


@transaction.atomic
def restore(*, branch: Branch) -> None:
    """Undo a prune: everything that was put away together comes back."""
    if branch.pruned is None:
        raise UnmaskError("conflict", "This branch has not been pruned.", "branch")
    for row in Branch.objects.filter(session=branch.session_id, pruned=branch.pruned):
        _set_pruned(row, None)


def _set_pruned(branch: Branch, when: datetime | None) -> None:
    branch.pruned = when
    branch.save(update_fields=["pruned"])
    _tell(branch)


def _tell(branch: Branch) -> None:
    publish(branch.session.stream_id, "branch", event_payloads.branch_payload(branch))
