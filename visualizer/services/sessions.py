"""Making, renaming and putting away sessions."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from inference.events import publish
from inference.models import ModelEntry, Stream
from visualizer.models import Branch, Run, Session
from visualizer.selectors import event_payloads

TITLE = 80
CHANGING = ("title", "settings", "staged", "head_branch", "head_number", "deleted")
"""Columns that others may have changed since the row was read."""


@transaction.atomic
def create_session(
    *,
    owner: Any,
    model: ModelEntry,
    mask_id: int,
    prompt: str,
    prompt_ids: list[int],
    gen_length: int,
    block_length: int | None = None,
    seed: int = 0,
    special_tokens: bool = False,
    chat: bool = False,
    title: str | None = None,
    provenance: dict[str, Any] | None = None,
) -> Session:
    """A session at step 0 with its root branch; its first events are published."""
    session = Session.objects.create(
        owner=owner,
        title=title or title_from(prompt),
        model=model,
        mask_id=mask_id,
        prompt=prompt,
        prompt_ids=prompt_ids,
        gen_length=gen_length,
        block_length=block_length or gen_length,
        seed=seed,
        special_tokens=special_tokens,
        chat=chat,
        stream=Stream.objects.create(),
        provenance=provenance or {},
    )
    _plant(session)
    return session


def _plant(session: Session) -> None:
    """The root branch of a new session, and its first events."""
    root = Branch.objects.create(session=session, name="main")
    session.head_branch = root
    session.save(update_fields=["head_branch"])
    publish(session.stream_id, "session", event_payloads.session_payload(session))
    publish(session.stream_id, "branch", event_payloads.branch_payload(root))
    publish(session.stream_id, "head", {"branch": root.pk, "number": 0})


def hold(session: Session) -> None:
    """Inside a transaction: read again what others changed, and let nobody change it until the end.

    SQLite needs no lock on the row: its transactions take the only one of the database first.
    """
    branch = session.head_branch
    rows = Session.objects.select_for_update(no_key=True)  # rows that refer to it may come
    session.refresh_from_db(fields=CHANGING, from_queryset=rows)
    if branch is not None and branch.pk == session.head_branch_id:
        session.head_branch = branch  # where a branch forks never changes


def title_from(prompt: str) -> str:
    """The prompt's beginning on one line."""
    line = " ".join(prompt.split())
    return (line[: TITLE - 1] + "…") if len(line) > TITLE else line or "Untitled"


@transaction.atomic
def rename_session(*, session: Session, title: str) -> None:
    """Another title, told to everybody who looks."""
    _change(session, "title", title)


@transaction.atomic
def remember_settings(*, session: Session, settings: dict[str, Any]) -> None:
    """Keep the settings that were used last; auto_select and the page go by them."""
    if session.settings != settings:
        _change(session, "settings", settings)


@transaction.atomic
def delete_session(*, session: Session) -> None:
    """Put a session away; its rows stay, so that it can be brought back. A run is stopped."""
    Run.objects.filter(session=session, status__in=Run.ACTIVE).update(stop_requested=True)
    _change(session, "deleted", timezone.now())


@transaction.atomic
def restore_session(*, session: Session) -> None:
    """Undo delete_session."""
    _change(session, "deleted", None)


def _change(session: Session, field: str, value: Any) -> None:
    hold(session)
    setattr(session, field, value)
    session.save(update_fields=[field, "updated"])
    publish(session.stream_id, "session", event_payloads.session_payload(session))
