"""Notes on the steps of a session."""

from __future__ import annotations

from django.db.models import QuerySet

from visualizer.models import Note, Session
from visualizer.selectors.history import StateRef, branches_of, path


def notes_of(session: Session) -> QuerySet[Note]:
    """All notes of the session, branch by branch."""
    return Note.objects.filter(branch__session=session)


def notes_on(session: Session, ref: StateRef) -> list[Note]:
    """The notes along the line that leads to a state, from the start on."""
    branches = branches_of(session)
    root = next(row.pk for row in branches.values() if row.parent_id is None)
    spans = {part.branch: (part.first, part.last) for part in path(branches, ref)}
    spans[root] = (0, spans.get(root, (0, 0))[1])
    found = [
        note
        for note in notes_of(session)
        if note.branch_id in spans
        and spans[note.branch_id][0] <= note.number <= spans[note.branch_id][1]
    ]
    return sorted(found, key=lambda note: note.number)
