"""Two commands: `note` is answered by the web side, `fetch` by the worker that holds the lease."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from core.commands.fields import Message
from core.commands.table import CommandSpec, CommandTable, Request, RunsOn
from core.jobs.models import CommandRow
from core.worker.executor import Write
from inference.errors import UnmaskError
from inference.events import publish
from tests.core.errands.models import Errand, ErrandCommand

FETCHING: list[Any] = []
"""Functions that are called while something is fetched: what may happen to a worker meanwhile."""


class Note(Message):
    """Write a thing down."""

    needs_target = True

    errand: int | None = Field(default=None, ge=1, description="the errand")
    thing: str = Field(min_length=1, max_length=20, description="what")


class Fetch(Note):
    """Have a worker bring a thing."""


class Errands(CommandTable):
    model = ErrandCommand

    def resolve_target(self, user: Any, message: Message, own: Any) -> Errand:
        named: Any = getattr(message, "errand", None) or getattr(own, "pk", None)
        found = Errand.objects.filter(pk=named, owner=user).first()
        if found is None:
            raise UnmaskError("not_found", "There is no such errand, or it is not yours.", "errand")
        return found

    def load_target(self, command: CommandRow) -> Errand:
        return Errand.objects.get(commands=command.pk)

    def lock_target(self, target: Any) -> None:
        rows = Errand.objects.select_for_update(no_key=True)
        target.refresh_from_db(fields=["things"], from_queryset=rows)


def note(request: Request) -> dict[str, Any]:
    """noted."""
    return _add(request)


def fetch(request: Request) -> Write:
    """fetched: computed first, written afterwards."""
    while FETCHING:
        FETCHING.pop()()
    return lambda: _add(request)


def _add(request: Request) -> dict[str, Any]:
    errand, thing = request.target, request.message.thing
    errand.things = [*errand.things, thing]
    errand.save(update_fields=["things"])
    publish(errand.stream_id, "thing", {"thing": thing})
    return {"type": "noted", "things": errand.things}


_HERE = "tests.core.errands.commands"
TABLE = Errands(
    [
        CommandSpec("note", Note, RunsOn.WEB, f"{_HERE}.note", "noted"),
        CommandSpec("fetch", Fetch, RunsOn.LEASE, f"{_HERE}.fetch", "noted", bulk=("heavy",)),
    ]
)
