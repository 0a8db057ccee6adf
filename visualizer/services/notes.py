"""Notes on steps: written, changed and taken away; part of the session's history."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from inference.errors import UnmaskError
from inference.events import publish
from visualizer.models import Note, Session
from visualizer.selectors.event_payloads import note_payload
from visualizer.selectors.history import StateRef, branches_of, home
from visualizer.selectors.notes import notes_of

MOST_NOTES = 200
"""Of one session: every page that shows it holds them all."""


@transaction.atomic
def write_note(*, session: Session, ref: StateRef, text: str) -> dict[str, Any]:
    """The note on a state is `text` from now on; blank text takes it away.

    It is kept on the branch where the step lies. Raises UnmaskError if there are too many.
    """
    where, text = home(branches_of(session), ref), text.strip()
    row = Note.objects.filter(branch=where.branch, number=where.number)
    if not text:
        row.delete()
    elif not row.exists() and notes_of(session).count() >= MOST_NOTES:
        raise UnmaskError(
            "validation", f"A session has {MOST_NOTES} notes at most. Take one away first.", "text"
        )
    else:
        row.update_or_create(branch_id=where.branch, number=where.number, defaults={"text": text})
    session.save(update_fields=["updated"])
    payload = note_payload(where.branch, where.number, text)
    publish(session.stream_id, "note", payload)
    return payload
