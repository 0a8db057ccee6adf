"""Event type → partials: the chrome of the page, swapped out of band by HTMX.

Tokens and pictures travel as JSON deltas (the grid is never swapped); what stands here is
small and changes seldom. A new partial is a template, a function and a row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.template.loader import render_to_string
from django.urls import reverse

from inference.errors import reference_of
from inference.models import ModelEntry
from visualizer.models import Run, Session
from visualizer.selectors.event_payloads import branch_payload
from visualizer.selectors.history import branches_of, tips_of
from visualizer.selectors.queue import ahead_of_run
from visualizer.selectors.run_names import recipe_label

Payload = dict[str, Any]
Part = tuple[str, dict[str, Any]]


def render_for(event_type: str, payload: Payload, session: Session, token: str = "") -> str:
    """The partials of an event as one text; empty for events that need none.

    `token` is that of the link through which a reader looks; readers get no controls. Runs in a
    thread: it may read the database.
    """
    parts = _PARTS.get(event_type, _nothing)(payload, session)
    base = reverse("shared", args=[token]) if token else reverse("workspace", args=[session.pk])
    shared = {"session": session, "oob": True, "base": base, "read_only": bool(token)}
    return "".join(
        render_to_string(f"visualizer/partials/{name}.html", shared | context)
        for name, context in parts
    )


def _nothing(payload: Payload, session: Session) -> list[Part]:
    return []


def _session(payload: Payload, session: Session) -> list[Part]:
    session.title = payload["title"]
    return [("title", {})]


def _staged(payload: Payload, session: Session) -> list[Part]:
    context = {"staged": staged_rows(payload), "staged_by": staged_by(payload)}
    return [("staged", context)]


def _branches(payload: Payload, session: Session) -> list[Part]:
    tips = tips_of(session)
    rows = [
        {**branch_payload(row), "steps": tips[row.pk] - row.fork_number}
        for row in branches_of(session).values()
    ]
    return [("branches", branch_panel(rows, head_id(session)))]


def _run(payload: Payload, session: Session) -> list[Part]:
    parts: list[Part] = [("run", {"run_state": run_state(payload, session.model_id)})]
    parts += _model(session) + _branches({}, session)
    error = payload.get("error")
    if error:
        told = {"kind": "error", "text": error["message"], "note": reference_of(error)}
        parts.append(("toast", told))
    return parts


def _model_alone(payload: Payload, session: Session) -> list[Part]:
    """How far a loading has come, or that the model is there."""
    return _model(session)


_PARTS: dict[str, Callable[[Payload, Session], list[Part]]] = {
    "session": _session,
    "staged": _staged,
    "branch": _branches,
    "run": _run,
    "model": _model_alone,
}
WITH_PARTIALS = frozenset(_PARTS)
"""Events of other types change nothing but tokens and pictures."""


def _model(session: Session) -> list[Part]:
    entry = ModelEntry.every.get(pk=session.model_id)
    return [("model", {"model_state": model_state(entry)})]


def head_id(session: Session) -> int | None:
    """The branch that is looked at now."""
    return Session.objects.values_list("head_branch", flat=True).get(pk=session.pk)


def staged_rows(payload: Payload) -> list[dict[str, Any]]:
    """Staged picks in order of position."""
    picks = payload.get("selections", {})
    words = {"hand": "by hand", "auto": "auto"}
    return [
        {"pos": int(pos), "label": pick["label"], "by": words.get(pick["by"], pick["by"])}
        for pos, pick in sorted(picks.items(), key=lambda item: int(item[0]))
    ]


def staged_by(payload: Payload) -> str:
    """The label of the rule that chose the automatic picks; empty where all are by hand."""
    return recipe_label(payload.get("strategy", ""))


def branch_tree(branches: list[Payload], current: int | None) -> list[Payload]:
    """Roots with nested `children`; pruned branches are left out."""
    nodes = {
        row["id"]: {**row, "children": [], "current": row["id"] == current}
        for row in branches
        if not row.get("pruned")
    }
    for node in nodes.values():
        if node["parent"] in nodes:
            nodes[node["parent"]]["children"].append(node)
    return [node for node in nodes.values() if node["parent"] not in nodes]


def branch_panel(branches: list[Payload], current: int | None) -> dict[str, Any]:
    """Context of partials/branches.html; of what was pruned together only the top is listed."""
    gone = {row["id"] for row in branches if row.get("pruned")}
    tops = [row for row in branches if row["id"] in gone and row["parent"] not in gone]
    return {"tree": branch_tree(branches, current), "pruned": tops, "current": current}


_MODEL_STATES: dict[str, tuple[str, str]] = {
    ModelEntry.State.LOADED: ("good", "ready"),
    ModelEntry.State.LOADING: ("busy", "loading"),
    ModelEntry.State.AVAILABLE: ("none", "loads when needed"),
    ModelEntry.State.FAILED: ("bad", "failed to load"),
    ModelEntry.State.ABSENT: ("bad", "not on this machine"),
}


_SERVER_STATES: dict[str, tuple[str, str]] = {
    ModelEntry.State.AVAILABLE: ("none", "on another server"),
    ModelEntry.State.FAILED: ("bad", "on another server, which does not answer"),
}
"""Of models that are never loaded here."""


def model_state(entry: ModelEntry) -> dict[str, str]:
    """Light and words of the model's pill."""
    elsewhere = _SERVER_STATES if entry.kind == ModelEntry.Kind.REMOTE else {}
    states = {**_MODEL_STATES, **elsewhere}
    light, words = states.get(entry.state, ("none", entry.state))
    if entry.state == ModelEntry.State.LOADING and entry.bytes_total:
        words = f"loading {entry.progress:.0%}"
    device = f" on {entry.device}" if entry.device else ""
    title = entry.error or f"{entry.label}: {words}{device}"
    return {"state": light, "text": f"{entry.label} {words}", "title": title}


MODEL_WAIT = "Waiting for the model"
_RUN_STATES: dict[str, tuple[str, str]] = {
    Run.Status.QUEUED: ("busy", "Queued"),
    Run.Status.RUNNING: ("busy", "Running"),
    Run.Status.STOPPED: ("warn", "Stopped"),
    Run.Status.FAILED: ("bad", "Run failed"),
    Run.Status.DONE: ("good", "Done"),
}


def run_state(run: Payload | None, model: int | None = None) -> dict[str, str]:
    """Light and words of the run's pill; no words, no pill. A queued run says its place, or that
    `model`, the key of its model, has to be loaded first."""
    if run is None:
        return {"state": "none", "text": ""}
    if run["status"] == Run.Status.QUEUED and model is not None and is_unloaded(model):
        return {"state": "busy", "text": MODEL_WAIT}
    light, words = _RUN_STATES.get(run["status"], ("none", ""))
    waits = run["status"] == Run.Status.QUEUED and run.get("id")
    ahead = ahead_of_run(run["id"]) if waits else 0
    words = f"{words}, {ahead} before it" if ahead else words
    return {"state": light, "text": words}


def is_unloaded(model: int) -> bool:
    """Whether what needs this model has to wait until a worker has loaded it."""
    rows = ModelEntry.every.filter(pk=model).exclude(state=ModelEntry.State.LOADED)
    return bool(rows.exists())
