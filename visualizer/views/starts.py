"""Starting a session from a form: the command, what is said while it waits, the run that follows.

A model that is not in memory is loaded first, which may take minutes. The form is answered within
`SOON`; after that a page of its own shows how far the loading has come.
"""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import urlencode

from asgiref.sync import sync_to_async
from django.urls import reverse

from core.commands.ask import LOAD_WAIT_SECONDS, ask, begin, reply_of
from core.commands.validation import from_form
from core.jobs.models import CommandRow
from inference.catalog import card_parameters, card_recipe
from inference.errors import UnmaskError
from inference.models import ModelEntry
from inference.wait_reason import wait_reason
from visualizer.commands import COMMANDS
from visualizer.lessons.catalog import LESSONS
from visualizer.models import Command
from visualizer.partials import model_state
from visualizer.selectors.sessions import session_for

SOON = 1.5
"""Seconds for which a form waits for its session before it shows the page that waits."""
LOADING = "The model is still loading. Try again in a moment."


async def start(user: Any, form: dict[str, str], run: str) -> str:
    """Where to go: the new session, or the page that waits for it.

    `run`: which run begins in it, see `run_message`. Raises UnmaskError with the field at fault.
    """
    message = from_form(COMMANDS, {"type": "initialize", **form})
    message["prompt"] = form["prompt"]
    command = await begin(COMMANDS, user, message, None, SOON)
    if command.state == Command.State.PENDING:
        asked = f"?{urlencode({'run': run})}" if run else ""
        return reverse("starting", args=[command.pk]) + asked
    return await go_on(user, command, run)


async def go_on(user: Any, command: CommandRow, run: str) -> str:
    """The address of the session that the command has made; its run is begun once."""
    session = str(reply_of(command)["session_id"])
    if run:
        await _run(user, session, command, run)
    return reverse("workspace", args=[session])


async def _run(user: Any, id: str, command: CommandRow, run: str) -> None:
    """Begin the run; asked for again it is the same one."""
    session = await sync_to_async(session_for)(user, id)
    once = uuid.uuid5(uuid.NAMESPACE_OID, f"run of {command.pk}").hex
    message = {"type": "run", **run_message(run, session.model.card), "request_id": once}
    await ask(COMMANDS, user, message, session, LOAD_WAIT_SECONDS, late=LOADING)


def run_message(run: str, card: dict[str, Any]) -> dict[str, Any]:
    """Recipe and parameters of a run: a lesson's, named `lesson/variant`, else the card's."""
    lesson, _, name = run.partition("/")
    variant = LESSONS[lesson].variant(name) if lesson in LESSONS else None
    if variant is not None:
        return {"recipe": variant.recipe, "parameters": dict(variant.parameters)}
    recipe = card_recipe(card)
    return {"recipe": recipe, "parameters": card_parameters(card, recipe)}


def start_of(user: Any, id: int) -> Command:
    """The user's command that makes a session. Raises not_found for anybody else."""
    command = Command.objects.filter(user=user, pk=id, type="initialize").first()
    if command is None:
        raise UnmaskError("not_found", "There is no such start, or you don't have access to it.")
    return command


def waiting(command: CommandRow) -> dict[str, Any]:
    """Context of partials/starting.html: what the start waits for, in words, and how far it is."""
    entry = model_of(command)
    state = model_state(entry) if entry else None
    share = entry.progress if entry and entry.state == ModelEntry.State.LOADING else None
    return {
        "command": command,
        "prompt": str(command.message.get("prompt", "")),
        "model": entry,
        "model_state": state,
        "percent": None if share is None else f"{100 * share:.0f}",
        "words": wait_reason(entry, "The session starts"),
    }


def model_of(command: CommandRow) -> ModelEntry | None:
    """The model that the start names, or the default one."""
    slug = command.message.get("model")
    named = {"slug": slug} if slug else {"is_default": True}
    found: ModelEntry | None = ModelEntry.visible_to(command.user).filter(**named).first()
    return found
