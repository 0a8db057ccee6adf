"""Generations on autoregressive models: what doors start, find and stop (see core.generation)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from core import generation as seam
from core.jobs import dispatch
from inference.errors import UnmaskError
from inference.events import publish
from inference.models import ModelEntry, Stream
from playground.models import Completion, CompletionToken

FOREIGN = ("recipe", "steps", "tokens_per_step", "block_length", "parameters")
"""Settings of diffusion models."""


@dataclass(frozen=True, slots=True)
class Written:
    """A token as it is stored. `top`: [token, text, logprob] of the best ones in its place."""

    token: int
    label: str
    text: str
    logprob: float
    top: list[tuple[int, str, float]]


class CausalGenerator:
    """A generation is a completion of its owner's, kept token by token."""

    @transaction.atomic
    def start(
        self, *, user: Any, model: ModelEntry, prompt: seam.Prompt, settings: seam.Settings
    ) -> seam.Generation:
        _refuse_foreign(prompt, settings)
        row = Completion.objects.create(
            owner=user,
            model=model,
            prompt=asdict(prompt),
            settings=asdict(settings),
            stream=Stream.objects.create(),
        )
        dispatch.work(row)
        return _told(row)

    def find(self, *, user: Any, id: UUID | str) -> seam.Generation:
        return _told(completion_for(user, id))

    @transaction.atomic
    def stop(self, *, user: Any, id: UUID | str) -> None:
        row = completion_for(user, id)
        if row.status not in Completion.ACTIVE:
            raise UnmaskError("conflict", "This generation has ended already.", "id")
        Completion.objects.filter(pk=row.pk).update(cancel_requested=True)
        dispatch.work(row)

    def snapshot(self, *, stream: UUID) -> dict[str, Any]:
        row = Completion.objects.select_related("stream", "model").get(stream=stream)
        told = {"number": row.stream.last_number, "text": row.text, "status": row.status}
        return {**told, "end": _end_of(row)}

    def drafts(self, *, user: Any, id: UUID | str) -> list[dict[str, Any]]:
        completion_for(user, id)
        return []


GENERATOR = CausalGenerator()


def _refuse_foreign(prompt: seam.Prompt, settings: seam.Settings) -> None:
    """What this kind of model does not know is refused by name, never dropped."""
    if prompt.pieces:
        raise UnmaskError(
            "validation", "This model writes from left to right; it cannot fill gaps.", "prompt"
        )
    given = asdict(settings)
    for name in FOREIGN:
        if given[name]:
            raise UnmaskError("validation", f"{name} is for diffusion models only.", name)


def completion_for(user: Any, id: UUID | str) -> Completion:
    """The user's completion. Raises UnmaskError (not_found)."""
    try:
        key = id if isinstance(id, UUID) else UUID(id)
    except ValueError:
        raise _missing() from None
    row = Completion.objects.select_related("model").filter(pk=key, owner=user).first()
    if row is None:
        raise _missing()
    return row


def _missing() -> UnmaskError:
    return UnmaskError("not_found", "There is no such generation, or it is not yours.", "id")


def _told(row: Completion) -> seam.Generation:
    kind = ModelEntry.Kind.AUTOREGRESSIVE
    return seam.Generation(row.pk, kind, row.model.slug, row.stream_id, "")


def write(*, row: Completion, tokens: Sequence[Written]) -> None:
    """Inside a fenced transaction: tokens behind those that are stored, and what they tell."""
    first = row.written
    CompletionToken.objects.bulk_create(
        CompletionToken(
            completion=row,
            number=first + n,
            token=one.token,
            label=one.label,
            text=one.text,
            logprob=one.logprob,
            top=one.top,
        )
        for n, one in enumerate(tokens)
    )
    grown = "".join(one.text for one in tokens)
    row.written = first + len(tokens)
    counts = {"tokens": row.written, "most": row.most}
    publish(row.stream_id, "text", {"text": grown, "offset": len(row.text), **counts})
    row.text, row.attempts = row.text + grown, 0
    row.save(update_fields=["text", "written", "attempts", "updated"])


@transaction.atomic
def end(*, row: Completion, status: str, error: dict[str, Any] | None = None) -> None:
    """The completion is over: its last event."""
    row.status, row.error, row.finished = status, error, timezone.now()
    row.save(update_fields=["status", "error", "finished", "finish_reason", "updated"])
    found = _end_of(row)
    assert found is not None
    publish(row.stream_id, *found)
    about = {"text": row.text, "ids": text_ids(row), "status": status, "payload": found[1]}
    seam.ended.send(Completion, id=row.pk, **about)


def _end_of(row: Completion) -> tuple[str, dict[str, Any]] | None:
    """Type and payload of the last event; None while it goes on."""
    if row.status in Completion.ACTIVE:
        return None
    if row.error is not None:
        return "error", {**row.error, "url": ""}
    return "done", done_payload(row)


def text_ids(row: Completion) -> list[int]:
    """The tokens of its text, without the one that ended it; none where a stop text may cut one."""
    if row.settings["stop"]:
        return []
    stored = CompletionToken.objects.filter(completion=row).order_by("number")
    ids = list(stored.values_list("token", flat=True))
    return ids[:-1] if row.finish_reason == "stop" else ids


def done_payload(row: Completion) -> dict[str, Any]:
    """What the `done` event tells."""
    last = row.finished or timezone.now()
    prompt = len(row.prompt_ids)
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": row.written,
        "total_tokens": prompt + row.written,
        "steps": row.written,
    }
    return {
        "text": row.text,
        "finish_reason": row.finish_reason,
        "usage": usage,
        "seconds": round((last - row.created).total_seconds(), 3),
        "url": "",
        "session_id": None,
    }
