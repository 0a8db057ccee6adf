"""A user's generation as a panel shows it, and its canvas while it is being written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

from core import generation
from inference.errors import UnmaskError
from inference.models import ModelEntry
from inference.remote_backends import diffuses
from visualizer.models import Generation, Session
from visualizer.selectors.history import state_at
from visualizer.selectors.labels import labels_for


class Piece(NamedTuple):
    """Neighbours of one kind: prompt, written, or open; `places`: how many."""

    kind: str
    text: str
    places: int


@dataclass(frozen=True, slots=True)
class Output:
    """A generation as its panel shows it, whatever kind of model makes it.

    `label`: the model's. `text` so far, `end` the payload of its last event ({} while it goes on).
    `canvas` and `session` are those of a model of this site: one of another server leaves nothing
    but text here.
    """

    id: UUID
    label: str
    created: datetime
    active: bool
    text: str
    end: Mapping[str, Any]
    canvas: Sequence[Piece] = ()
    session: Session | None = None
    saved: bool = False

    @property
    def error(self) -> Mapping[str, Any] | None:
        """The one error shape, if it failed."""
        return self.end if "error_type" in self.end else None

    @property
    def full_text(self) -> str | None:
        """All pieces and gaps of an infilling that has ended."""
        found: str | None = self.end.get("usage", {}).get("full_text")
        return found


def output_of(user: Any, id: UUID) -> Output:
    """The user's generation by a model that denoises. Raises UnmaskError (not_found)."""
    found = generation.find(user=user, id=id)
    entry = ModelEntry.objects.get(slug=found.model)
    here = entry.kind == ModelEntry.Kind.DIFFUSION
    if not here and not diffuses(entry):
        raise _missing()
    told = generation.generator(found.kind).snapshot(stream=found.stream)
    end = told["end"][1] if told["end"] else {}
    active = told["end"] is None
    shown = Output(found.id, entry.label, found.created, active, told["text"], end)
    if not here:
        return shown
    row = generated(user, id)
    canvas = shown_canvas(row) if shown.active else ()
    return replace(shown, canvas=canvas, session=row.session, saved=row.saved)


def generated(user: Any, id: UUID) -> Generation:
    """The user's generation with all that a page shows. Raises UnmaskError (not_found)."""
    rows = Generation.objects.select_related("model", "session__model__vocabulary", "run")
    row = rows.filter(pk=id, owner=user).first()
    if row is None:
        raise _missing()
    return row


def _missing() -> UnmaskError:
    return UnmaskError("not_found", "There is no such generation, or it is not yours.", "id")


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
        text = labels.text(canvas.slots[place].token for place in places)
        pieces.append(Piece(name, "" if name == "open" else text, len(places)))
    return pieces
