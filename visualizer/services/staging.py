"""Picks that lie beside the canvas until they are applied."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from inference.engine.canvas import Canvas
from inference.errors import UnmaskError
from inference.events import publish
from visualizer.models import Session
from visualizer.selectors import event_payloads
from visualizer.selectors.history import state_at
from visualizer.selectors.labels import labels_for
from visualizer.services.sessions import hold


@transaction.atomic
def stage(
    *,
    session: Session,
    picks: dict[int, int | None],
    by: str,
    strategy: str = "",
    replace: bool = False,
) -> None:
    """Add picks (position → token; None takes one back) to those that are staged.

    `replace` forgets the former ones, but an automatic selection never touches picks by hand; what
    it puts back of an automatic selection (undo, redo) stays automatic.
    Raises UnmaskError for positions that are not open and tokens that do not exist.
    """
    hold(session)
    wanted = {position: token for position, token in picks.items() if token is not None}
    check_picks(session=session, picks=wanted, canvas=state_at(session))
    former, offered = session.staged.get("selections", {}), _offered(session, wanted, by, strategy)
    by_hand = {p: pick for p, pick in former.items() if by == "auto" and pick["by"] == "hand"}
    kept = by_hand if replace else dict(former)
    for position, token in picks.items():
        if token is None:
            kept.pop(str(position), None)
        elif str(position) not in by_hand:
            again = replace and _is_offered(offered, position, token)
            kept[str(position)] = {"token": token, "by": "auto" if again else by}
    _save(session, {"selections": kept, "strategy": _named(kept, offered), "offered": offered})


def _offered(
    session: Session, picks: dict[int, int], by: str, strategy: str
) -> dict[str, dict[str, Any]]:
    """Position → the last token that a strategy chose there in this state, and the strategy."""
    former: dict[str, dict[str, Any]] = session.staged.get("offered", {})
    if by != "auto":
        return former
    return former | {str(p): {"token": t, "strategy": strategy} for p, t in picks.items()}


def _is_offered(offered: dict[str, dict[str, Any]], position: int, token: int | None) -> bool:
    return offered.get(str(position), {}).get("token") == token


def _named(kept: dict[str, dict[str, Any]], offered: dict[str, dict[str, Any]]) -> str:
    """The strategy behind what is staged; "" if all of it was picked by hand."""
    names = [offered[p]["strategy"] for p, pick in kept.items() if pick["by"] == "auto"]
    return names[-1] if names else ""


@transaction.atomic
def restage(*, session: Session, staged: dict[str, Any], canvas: Canvas) -> None:
    """Put back what was staged, whoever chose it, where `canvas`, the head's, still takes it."""
    takes = {str(position) for position in canvas.writable_positions}
    kept = {p: pick for p, pick in staged.get("selections", {}).items() if p in takes}
    if kept:
        offered = staged.get("offered", {})
        _save(session, {"selections": kept, "strategy": _named(kept, offered), "offered": offered})


@transaction.atomic
def clear_staged(*, session: Session) -> None:
    """Forget what is staged."""
    if session.staged.get("selections"):
        _save(session, {})
    elif session.staged:  # nothing that anybody sees
        session.staged = {}
        session.save(update_fields=["staged"])


def check_picks(*, session: Session, picks: dict[int, int], canvas: Canvas) -> None:
    """Raises UnmaskError (validation) naming the first pick that the canvas cannot take."""
    known = vocabulary_size(session)
    for position, token in picks.items():
        field = f"selections.{position}"
        if position >= len(canvas):
            raise _refused(f"Position {position} is beyond the last one, {len(canvas) - 1}.", field)
        slot = canvas.slots[position]
        if slot.prompt:
            raise _refused(f"Position {position} belongs to the prompt.", field)
        if slot.locked:
            raise _refused(f"Position {position} is locked. Unlock it first.", field)
        if slot.token != canvas.mask_id:
            raise _refused(f"Position {position} already holds a token; remask it first.", field)
        if token == session.mask_id:
            raise _refused("The mask token cannot be chosen.", field)
        if known and token >= known:
            raise _refused(f"Token {token} is not in the vocabulary (0 to {known - 1}).", field)


def vocabulary_size(session: Session) -> int:
    """How many token ids the session's model knows; 0 if that is not known."""
    return len(labels_for(session))


def _refused(message: str, field: str) -> UnmaskError:
    return UnmaskError("validation", message, field)


def _save(session: Session, staged: dict[str, object]) -> None:
    session.staged = staged
    session.save(update_fields=["staged", "updated"])
    publish(session.stream_id, "staged", event_payloads.staged_payload(session))
