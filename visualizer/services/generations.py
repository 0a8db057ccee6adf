"""Generations on diffusion models: what doors start, find and stop (see core.generation)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from core import generation as seam
from core.jobs import dispatch
from inference.errors import UnmaskError
from inference.events import publish
from inference.models import ModelEntry, Stream
from visualizer.models import Generation, Run, Session, Step
from visualizer.selectors.drafts import drafts_of
from visualizer.selectors.token_logprobs import token_logprobs
from visualizer.services.runs import request_stop


class DiffusionGenerator:
    """A generation is a session of its owner's with one run, and opens in the workspace."""

    @transaction.atomic
    def start(
        self, *, user: Any, model: ModelEntry, prompt: seam.Prompt, settings: seam.Settings
    ) -> seam.Generation:
        row = Generation.objects.create(
            owner=user,
            model=model,
            prompt=asdict(prompt),
            settings=asdict(settings),
            stream=Stream.objects.create(),
        )
        dispatch.work(row)
        return _told(row)

    def find(self, *, user: Any, id: UUID | str) -> seam.Generation:
        return _told(_owned(user, id))

    @transaction.atomic
    def stop(self, *, user: Any, id: UUID | str) -> None:
        row = _owned(user, id)
        if row.status not in Generation.ACTIVE:
            raise UnmaskError("conflict", "This generation has ended already.", "id")
        Generation.objects.filter(pk=row.pk).update(cancel_requested=True)
        if row.session is not None:
            request_stop(session=row.session)
        else:
            dispatch.work(row)

    def snapshot(self, *, stream: UUID) -> dict[str, Any]:
        row = Generation.objects.select_related("stream", "session").get(stream=stream)
        told = {"number": row.stream.last_number, "text": row.text, "status": row.status}
        return {**told, "end": _end_of(row)}

    def logprobs(self, *, user: Any, id: UUID | str, top: int) -> list[seam.TokenLogprob]:
        return token_logprobs(_owned(user, id), top)

    def drafts(self, *, user: Any, id: UUID | str) -> list[dict[str, Any]]:
        return drafts_of(_owned(user, id))


GENERATOR = DiffusionGenerator()


def _owned(user: Any, id: UUID | str) -> Generation:
    try:
        key = id if isinstance(id, UUID) else UUID(id)
    except ValueError:
        raise _missing() from None
    row = (
        Generation.objects.select_related("model", "session__model__vocabulary")
        .filter(pk=key, owner=user)
        .first()
    )
    if row is None:
        raise _missing()
    return row


def _missing() -> UnmaskError:
    return UnmaskError("not_found", "There is no such generation, or it is not yours.", "id")


def _told(row: Generation) -> seam.Generation:
    return seam.Generation(
        row.pk, ModelEntry.Kind.DIFFUSION, row.model.slug, row.stream_id, url_of(row)
    )


def url_of(row: Generation) -> str:
    """The page of its session; the list of sessions until there is one."""
    return reverse("workspace", args=[row.session_id]) if row.session_id else reverse("sessions")


def publish_draft(*, row: Generation, payload: dict[str, Any]) -> None:
    """Inside the step's transaction: what the step did to the canvas."""
    publish(row.stream_id, "draft", payload)


def publish_text(*, row: Generation, text: str) -> None:
    """Inside the step's transaction: the text that has settled by now, which only grows."""
    grown = text[len(row.text) :]
    if grown and text.startswith(row.text):
        publish(row.stream_id, "text", {"text": grown, "offset": len(row.text)})
        row.text = text
        row.save(update_fields=["text", "updated"])


def have_worked(*, session: Session) -> None:
    """After commit: the session's run is worked."""
    dispatch.work(session)


@transaction.atomic
def end(
    *,
    row: Generation,
    status: str,
    error: dict[str, Any] | None = None,
    ids: Sequence[int] = (),
) -> None:
    """The generation is over: its last event. `ids`: the tokens of its text."""
    row.status, row.error, row.finished = status, error, timezone.now()
    row.save(update_fields=["status", "error", "finished", "finish_reason", "usage", "updated"])
    found = _end_of(row)
    assert found is not None
    publish(row.stream_id, *found)
    about = {"text": row.text, "ids": list(ids), "status": status, "payload": found[1]}
    seam.ended.send(Generation, id=row.pk, **about)


def _end_of(row: Generation) -> tuple[str, dict[str, Any]] | None:
    """Type and payload of the last event; None while it goes on."""
    if row.status in Generation.ACTIVE:
        return None
    if row.error is not None:
        return "error", {**row.error, "url": url_of(row)}
    return "done", done_payload(row)


def done_payload(row: Generation) -> dict[str, Any]:
    """What the `done` event tells."""
    last = row.finished or timezone.now()
    return {
        "text": row.text,
        "finish_reason": row.finish_reason,
        "usage": row.usage,
        "seconds": round((last - row.created).total_seconds(), 3),
        "url": url_of(row),
        "session_id": str(row.session_id) if row.session_id else None,
    }


def usage_of(session: Session, run: Run, completion: int) -> dict[str, int]:
    """Tokens and forward passes of a run."""
    return {
        "prompt_tokens": len(session.prompt_ids),
        "completion_tokens": completion,
        "total_tokens": len(session.prompt_ids) + completion,
        "steps": Step.objects.filter(run=run).count(),
    }
