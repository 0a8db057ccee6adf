"""A session as a lesson: the states of one line that have a note, one after the other."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.gzip import gzip_page

from visualizer import selectors
from visualizer.models import Branch, Note, Session
from visualizer.selectors.history import StateRef, tip
from visualizer.selectors.notes import notes_on
from visualizer.views.access import SessionAccess, session_page
from visualizer.views.cells import Look, cells
from visualizer.views.params import number_of, state_ref
from visualizer.views.status import status_line
from visualizer.views.workspace import columns_of, size_of


@gzip_page
@session_page
def session_lesson(request: HttpRequest, access: SessionAccess) -> HttpResponse:
    """The `at`-th note (from 1) with its state; a number beyond the last one means the last."""
    session = access.session
    ref = state_ref(session, request.GET.get("branch"), None)
    branch = Branch.objects.get(pk=ref.branch)
    notes = notes_on(session, StateRef(branch.pk, tip(branch)))
    at = max(1, min(len(notes), number_of(request.GET.get("at")) or 1))
    context = access.context | {"branch": branch, "notes": notes, "at": at, "count": len(notes)}
    if notes:
        context |= {"former": at - 1, "following": at + 1 if at < len(notes) else 0}
        context |= _shown(session, branch, notes[at - 1], access.read_only)
    return render(request, "lessons/session.html", context)


def _shown(session: Session, branch: Branch, note: Note, read_only: bool) -> dict[str, Any]:
    snapshot = selectors.snapshot(session, branch.pk, note.number)
    look = Look(note.number, max(note.number, tip(branch)))
    drawn = cells(snapshot, look)
    return {
        "note": note,
        "cells": drawn,
        "size": size_of(len(drawn)),
        "columns": columns_of(session.model.card),
        "status": status_line(snapshot, look, True),
    }
