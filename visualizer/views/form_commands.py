"""The door for plain forms: a button of the page becomes commands, then the page again.

With JavaScript the same commands go through the socket; see static/js/commands.js.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext, suppress
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from core.commands.ask import ask
from core.commands.validation import from_form
from core.http.errors import back_to
from inference.errors import UnmaskError
from visualizer.commands import COMMANDS
from visualizer.models import Session
from visualizer.selectors.history import StateRef, head_of
from visualizer.selectors.sessions import session_for
from visualizer.views.params import number_of, state_ref, whole
from visualizer.views.recipes import pace_for, recipe_parameters

Form = QueryDict
Message = dict[str, Any]
SETTINGS = (
    "softmax_temperature",
    "gumbel_temperature",
    "visual_top_k",
    "actual_top_k",
    "top_p",
)


def _fields(type: str, form: Form, names: tuple[str, ...]) -> Message:
    return from_form(COMMANDS, {"type": type, **{name: form.get(name, "") for name in names}})


def with_noise(settings: Message) -> Message:
    """Gumbel noise is on when its strength is above nought."""
    strength = settings.get("gumbel_temperature")
    on = isinstance(strength, int | float) and strength > 0
    return {**settings, "apply_gumbel_noise": on}


def _forward(form: Form, session: Session) -> list[Message]:
    return [{**with_noise(_fields("forward_pass", form, SETTINGS)), "positions": [0, 0]}]


def _auto(form: Form, session: Session) -> list[Message]:
    chosen = _fields("auto_select", form, ("tokens_to_select", "strategy"))
    settings = with_noise(_fields("forward_pass", form, SETTINGS))
    settings.pop("type")
    again = {"type": "reprocess_probabilities", "settings": settings, "positions": [0, 0]}
    return [again, chosen]


def _apply(form: Form, session: Session) -> list[Message]:
    picks = session.staged.get("selections", {})
    if not picks:
        raise UnmaskError("validation", "Nothing is staged yet. Auto-select, or choose a token.")
    return [
        {"type": "apply_selection", "selections": {p: pick["token"] for p, pick in picks.items()}}
    ]


def _stage(form: Form, session: Session) -> list[Message]:
    if form.get("replace"):
        return [{"type": "stage", "selections": {}, "replace": True}]
    if form.get("unstage"):
        return [{"type": "stage", "selections": {form["unstage"]: None}}]
    token = whole(form, "token")
    if token is None:
        raise UnmaskError("validation", "Choose one of the candidates first.", "token")
    return [{"type": "stage", "selections": {form.get("position", ""): token}}]


def _run(form: Form, session: Session) -> list[Message]:
    message = _fields("run", form, ("recipe",))
    count = whole(form, "tokens_to_select")
    message["keep_settled"] = bool(form.get("keep_settled"))
    parameters = recipe_parameters(form, form.get("recipe", ""))
    return [message | {"parameters": parameters} | pace_for(message.get("recipe", ""), count)]


def _run_again(form: Form, session: Session) -> list[Message]:
    (message,) = _run(form, session)
    more = {"type": "run_again", "branch": whole(form, "branch"), "seed": whole(form, "seed")}
    return [message | more | {"times": whole(form, "times") or 1}]


def _choose(form: Form, session: Session) -> list[Message]:
    """Another candidate of a written position, at the state in which it was masked."""
    token = whole(form, "token")
    if token is None:
        raise UnmaskError("validation", "Choose one of the candidates first.", "token")
    names = {"step": "source_step", "branch": "source_branch", "position": "source_position"}
    where = {name: whole(form, field) for name, field in names.items()}
    return [{"type": "choose", **where, "token": token, "go_on": bool(form.get("go_on"))}]


def _typed(form: Form, session: Session) -> list[Message]:
    """A text to stage, or one token by its id ("#123")."""
    text = str(form.get("text", ""))
    if text.startswith("#") and text[1:].isdecimal() and text.isascii():
        return [{"type": "stage", "selections": {form.get("position", ""): int(text[1:])}}]
    return [{"type": "stage_text", "position": whole(form, "position"), "text": text}]


def _insert(form: Form, session: Session) -> list[Message]:
    return [{"type": "insert", "position": whole(form, "position")}]


def _positions(type: str) -> Callable[[Form, Session], list[Message]]:
    def build(form: Form, session: Session) -> list[Message]:
        position = whole(form, "position")
        return [{"type": type, "positions": [] if position is None else [position]}]

    return build


def _branch(form: Form, session: Session) -> list[Message]:
    return [{"type": "branch"}]


def _target(type: str) -> Callable[[Form, Session], list[Message]]:
    def build(form: Form, session: Session) -> list[Message]:
        return [{"type": type, "branch": whole(form, "target") or 0}]

    return build


def _change_branch(form: Form, session: Session) -> list[Message]:
    message: Message = {"type": "change_branch", "branch": whole(form, "target") or 0}
    if name := " ".join(str(form.get("name", "")).split())[:100]:
        message["name"] = name
    if form.get("marked"):
        message["marked"] = form["marked"] == "on"
    return [message]


def _note(form: Form, session: Session) -> list[Message]:
    """A note on the shown step; the button that takes it away sends none."""
    text = "" if form.get("do") == "remove" else str(form.get("text", "")).replace("\r\n", "\n")
    where = {"step": whole(form, "step"), "branch": whole(form, "branch")}
    return [{"type": "note", "text": text, **where}]


def _save_preset(form: Form, session: Session) -> list[Message]:
    settings = with_noise(_fields("forward_pass", form, SETTINGS))
    settings.pop("type")
    values: Message = {"recipe": form.get("recipe"), "strategy": form.get("strategy")}
    values |= {"parameters": recipe_parameters(form, form.get("recipe", "")), "settings": settings}
    values["tokens_per_step"] = whole(form, "tokens_to_select")
    return [{"type": "save_preset", "name": form.get("preset_name", "").strip(), "values": values}]


def _delete_preset(form: Form, session: Session) -> list[Message]:
    return [{"type": "delete_preset", "name": form.get("preset", "")}]


FORMS: dict[str, Callable[[Form, Session], list[Message]]] = {
    "forward_pass": _forward,
    "auto_select": _auto,
    "apply_selection": _apply,
    "stage": _stage,
    "run": _run,
    "run_again": _run_again,
    "choose": _choose,
    "stage_text": _typed,
    "insert": _insert,
    "delete": _positions("delete"),
    "stop": lambda form, session: [{"type": "stop"}],
    "remask": _positions("remask"),
    "lock": _positions("lock"),
    "unlock": _positions("unlock"),
    "branch": _branch,
    "change_branch": _change_branch,
    "prune": _target("prune"),
    "restore": _target("restore"),
    "merge": _target("merge"),
    "note": _note,
    "save_preset": _save_preset,
    "delete_preset": _delete_preset,
}
ANYWHERE = {
    "stop",
    "run_again",
    "choose",
    "change_branch",
    "prune",
    "restore",
    "note",
    "save_preset",
    "delete_preset",
}
"""Actions that do not care which step is shown."""

STAYS = {"note"}
"""Actions after which the same step is shown."""


@login_required
@require_POST
async def act(request: HttpRequest, session_id: UUID, name: str) -> HttpResponse:
    """Carry a button out at the shown step, then show where the session stands."""
    if name not in FORMS:
        raise UnmaskError("not_found", "There is no such action.")
    user, form = await request.auser(), request.POST
    session = await sync_to_async(session_for)(user, session_id)
    shown = await sync_to_async(state_ref)(session, _asked_branch(form), form.get("step"))
    back_to(request, _address(session, shown, form))
    before = [] if name in ANYWHERE or shown == head_of(session) else [_rewind(shown)]
    for message in [*before, *FORMS[name](form, session)]:
        await _carry_out(user, session, message)
    fresh = await sync_to_async(session_for)(user, session_id)
    return redirect(_address(fresh, shown if name in STAYS else head_of(fresh), form))


async def _carry_out(user: Any, session: Session, message: Message) -> None:
    """Without a forward pass there is nothing to reprocess; the next command says so better."""
    optional = message["type"] == "reprocess_probabilities"
    with suppress(UnmaskError) if optional else nullcontext():
        await ask(COMMANDS, user, message, session)


def _asked_branch(form: Form) -> str | None:
    return form.get("branch") or form.get("branch_id")


def _rewind(ref: StateRef) -> Message:
    return {"type": "rewind", "step": ref.number, "branch": ref.branch}


def _address(session: Session, ref: StateRef, form: Form) -> str:
    """The workspace at a state, with the position that the form is about."""
    query = {"branch": ref.branch, "step": ref.number}
    pos = number_of(form.get("position"))
    if pos is not None:
        query["pos"] = pos
    return f"{reverse('workspace', args=[session.pk])}?{urlencode(query)}"
