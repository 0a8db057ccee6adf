"""Picks that lie beside the canvas until they are applied."""

from __future__ import annotations

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

    `replace` forgets the former ones, but an automatic selection never touches picks by hand.
    Raises UnmaskError for positions that are not open and tokens that do not exist.
    """
    hold(session)
    wanted = {position: token for position, token in picks.items() if token is not None}
    check_picks(session=session, picks=wanted, canvas=state_at(session))
    former = session.staged.get("selections", {})
    by_hand = {p: pick for p, pick in former.items() if by == "auto" and pick["by"] == "hand"}
    kept = by_hand if replace else dict(former)
    for position, token in picks.items():
        if token is None:
            kept.pop(str(position), None)
        elif str(position) not in by_hand:
            kept[str(position)] = {"token": token, "by": by}
    name = strategy or session.staged.get("strategy", "")
    _save(session, {"selections": kept, "strategy": name} if kept else {})


@transaction.atomic
def clear_staged(*, session: Session) -> None:
    """Forget what is staged."""
    if session.staged:
        _save(session, {})


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
    publish(
        session.stream_id, "staged", event_payloads.staged_payload(session, labels_for(session))
    )
