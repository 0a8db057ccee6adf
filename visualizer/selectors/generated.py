"""A user's generation as a page shows it, and its canvas while it is being written."""

from __future__ import annotations

from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

from inference.errors import UnmaskError
from visualizer.models import Generation
from visualizer.selectors.history import state_at
from visualizer.selectors.labels import labels_for


class Piece(NamedTuple):
    """Neighbours of one kind: prompt, written, or open; open ones are counted."""

    kind: str
    text: str
    places: int


def generated(user: Any, id: UUID) -> Generation:
    """The user's generation with all that a page shows. Raises UnmaskError (not_found)."""
    rows = Generation.objects.select_related("model", "session__model__vocabulary", "run")
    row = rows.filter(pk=id, owner=user).first()
    if row is None:
        raise UnmaskError("not_found", "There is no such generation, or it is not yours.", "id")
    return row


def shown_canvas(row: Generation) -> list[Piece]:
    """The canvas as it is now; nothing before a worker has begun."""
    if row.session is None:
        return []
    canvas, labels = state_at(row.session), labels_for(row.session)

    def kind(index: int) -> str:
        slot = canvas.slots[index]
        return "open" if slot.token == canvas.mask_id else "prompt" if slot.prompt else "written"

    pieces = []
    for name, group in groupby(range(len(canvas)), key=kind):
        places = list(group)
        text = "".join(labels(canvas.slots[place].token) for place in places)
        pieces.append(Piece(name, "" if name == "open" else text, len(places)))
    return pieces
