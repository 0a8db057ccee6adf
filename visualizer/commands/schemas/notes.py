"""Messages about notes on steps."""

from __future__ import annotations

from pydantic import Field

from core.commands.fields import limited
from visualizer.commands.schemas.history import branch_id_field
from visualizer.fields import SessionMessage
from visualizer.models import Note as NoteRow


class Note(SessionMessage):
    """Write a note on a step, in place of the one that it has; an empty text takes it away."""

    text: str = Field(max_length=NoteRow.LONGEST, description="plain text; empty: no note")
    step: int | None = limited("step", None, "the step; the current one by default")
    branch: int | None = branch_id_field(optional=True)
