"""A generator whose generations are rows: what every app's own has in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from core.generation import seam
from core.jobs import dispatch
from core.jobs.models import GenerationJob
from inference.errors import UnmaskError
from inference.events import publish
from inference.models import ModelEntry, Stream

Row = TypeVar("Row", bound=GenerationJob)


class StoredGenerator(Generic[Row]):
    """Starts, finds, stops and ends generations that are rows of one table, worked as jobs.

    A subclass names the table and the kind of model, and says what is its own: what it refuses,
    the page that shows a generation, how one that is under way is asked to stop, what it counts.
    """

    rows: ClassVar[type[GenerationJob]]
    kind: ClassVar[str]
    related: ClassVar[tuple[str, ...]] = ("model",)
    saved: ClassVar[tuple[str, ...]] = ()
    """Fields of its own that are saved when a generation ends."""

    def check(self, model: ModelEntry, prompt: seam.Prompt, settings: seam.Settings) -> None:
        """Refuse what the model cannot do, before anything is stored. Raises UnmaskError."""

    def url_of(self, row: Row) -> str:
        """The address of the page that shows it; empty where there is none."""
        return ""

    def session_of(self, row: Row) -> UUID | None:
        """The session that it is kept as, if any."""
        return None

    def usage_of(self, row: Row) -> dict[str, Any]:
        """`prompt_tokens`, `completion_tokens`, `total_tokens`, `steps` (forward passes)."""
        raise NotImplementedError

    def ask_to_stop(self, row: Row) -> None:
        """Inside a transaction: have a worker see that `cancel_requested` is set."""
        dispatch.work(row)

    @transaction.atomic
    def start(
        self, *, user: Any, model: ModelEntry, prompt: seam.Prompt, settings: seam.Settings
    ) -> seam.Generation:
        """Write the generation down and send it to a worker. Raises UnmaskError."""
        self.check(model, prompt, settings)
        row: Any = self.rows._default_manager.create(
            owner=user,
            model=model,
            prompt=asdict(prompt),
            settings=asdict(settings),
            stream=Stream.objects.create(),
        )
        dispatch.work(row)
        return self._handle(row)

    def find(self, *, user: Any, id: UUID | str) -> seam.Generation:
        """The user's generation. Raises UnmaskError (not_found)."""
        return self._handle(self.owned(user, id))

    @transaction.atomic
    def stop(self, *, user: Any, id: UUID | str) -> None:
        """Ask it to end. Raises UnmaskError: not_found, or conflict when it has ended already."""
        row = self.owned(user, id)
        if row.status not in row.ACTIVE:
            raise UnmaskError("conflict", "This generation has ended already.", "id")
        self.rows._default_manager.filter(pk=row.pk).update(cancel_requested=True)
        self.ask_to_stop(row)

    def snapshot(self, *, stream: UUID) -> dict[str, Any]:
        """`number`, `text`, `status` and `end` (see seam.Generator)."""
        row: Any = self.rows._default_manager.select_related("stream", *self.related).get(
            stream=stream
        )
        told = {"number": row.stream.last_number, "text": row.text, "status": row.status}
        return {**told, "end": self._last_event(row)}

    def owned(self, user: Any, id: UUID | str) -> Row:
        """The user's row. Raises UnmaskError (not_found)."""
        try:
            key = id if isinstance(id, UUID) else UUID(id)
        except ValueError:
            raise _missing() from None
        rows: Any = self.rows._default_manager.select_related(*self.related)
        row: Row | None = rows.filter(pk=key, owner=user).first()
        if row is None:
            raise _missing()
        return row

    def drafts(self, *, user: Any, id: UUID | str) -> list[dict[str, Any]]:
        """How its canvas changed (see seam.Generator); none where there is no canvas."""
        self.owned(user, id)
        return []

    @transaction.atomic
    def end(
        self,
        *,
        row: Row,
        status: str,
        error: dict[str, Any] | None = None,
        ids: Sequence[int] = (),
    ) -> None:
        """The generation is over: its last event, and the signal `seam.ended`.

        `ids`: the tokens of its text.
        """
        row.status, row.error, row.finished = status, error, timezone.now()
        fields = ("status", "error", "finished", "finish_reason", "updated", *self.saved)
        row.save(update_fields=fields)
        last = self._last_event(row)
        assert last is not None
        publish(row.stream_id, *last)
        about = {"text": row.text, "ids": list(ids), "status": status, "payload": last[1]}
        seam.ended.send(self.rows, id=row.pk, **about)

    def _last_event(self, row: Row) -> tuple[str, dict[str, Any]] | None:
        """Type and payload of the last event; None while it goes on."""
        if row.status in row.ACTIVE:
            return None
        if row.error is not None:
            return "error", {**row.error, "url": self.url_of(row)}
        return "done", self._done_payload(row)

    def _done_payload(self, row: Row) -> dict[str, Any]:
        last = row.finished or timezone.now()
        session = self.session_of(row)
        return {
            "text": row.text,
            "finish_reason": row.finish_reason,
            "usage": self.usage_of(row),
            "seconds": round((last - row.created).total_seconds(), 3),
            "url": self.url_of(row),
            "session_id": str(session) if session else None,
        }

    def _handle(self, row: Row) -> seam.Generation:
        return seam.Generation(
            row.pk, self.kind, row.model.slug, row.stream_id, self.url_of(row), row.created
        )


def _missing() -> UnmaskError:
    return UnmaskError("not_found", "There is no such generation, or it is not yours.", "id")
