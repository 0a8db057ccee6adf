"""Generations on diffusion models: what doors start, find and stop (see core.generation)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from core import generation as seam
from core.generation.stored import StoredGenerator
from core.generation.trace import Pass, Position
from core.jobs import dispatch
from inference.errors import UnmaskError
from inference.events import publish
from inference.models import ModelEntry
from inference.statements import Update
from visualizer.models import Generation, Run, Session, Step
from visualizer.selectors import traces
from visualizer.selectors.drafts import drafts_of
from visualizer.selectors.token_logprobs import token_logprobs
from visualizer.services.run_settings import check_recipe
from visualizer.services.runs import request_stop
from visualizer.services.sessions import rename_session


class DiffusionGenerator(StoredGenerator[Generation]):
    """A generation is a session of its owner's with one run, and opens in the workspace."""

    rows = Generation
    kind = ModelEntry.Kind.DIFFUSION
    related = ("model", "session__model__vocabulary")
    saved = ("usage",)

    def check(self, model: ModelEntry, prompt: seam.Prompt, settings: seam.Settings) -> None:
        """A recipe and parameters that no run could have are refused."""
        check_recipe(model.card, settings)

    def url_of(self, row: Generation) -> str:
        """The page of its session; the list of sessions until there is one."""
        if row.session_id is None:
            return reverse("sessions")
        return reverse("workspace", args=[row.session_id])

    def session_of(self, row: Generation) -> UUID | None:
        return row.session_id

    def usage_of(self, row: Generation) -> dict[str, Any]:
        return dict(row.usage)

    def ask_to_stop(self, row: Generation) -> None:
        # read again: a worker may have begun it since, and looks at `cancel_requested` no more
        row.refresh_from_db(fields=["session"])
        if row.session is not None:
            request_stop(session=row.session)
        else:
            dispatch.work(row)

    def logprobs(
        self, *, user: Any, id: UUID | str, top: int, at: seam.At, first: int
    ) -> list[seam.TokenLogprob]:
        return token_logprobs(self.owned(user, id), top, at, first)

    def positions(self, *, user: Any, id: UUID) -> list[Position] | None:
        return traces.positions_of(self.owned(user, id))

    def passes(self, *, user: Any, id: UUID, after: int) -> list[Pass]:
        return traces.passes_of(self.owned(user, id), after)

    def drafts(self, *, user: Any, id: UUID | str) -> list[dict[str, Any]]:
        return drafts_of(self.owned(user, id))


GENERATOR = DiffusionGenerator()
GROW = Update(Generation, {"text": "%s", "updated": "%s"}, ["id"])


@transaction.atomic
def save(*, row: Generation, name: str) -> None:
    """Give what was written a name: it is no draft any more. Raises UnmaskError (conflict)."""
    if row.session is None:
        raise UnmaskError("conflict", "There is nothing to save yet.", "id")
    rename_session(session=row.session, title=name)
    row.saved = True
    row.save(update_fields=["saved", "updated"])


def publish_draft(*, row: Generation, payload: dict[str, Any]) -> None:
    """Inside the step's transaction: what the step did to the canvas."""
    publish(row.stream_id, "draft", payload)


def publish_text(*, row: Generation, text: str) -> None:
    """Inside the step's transaction: the text that has settled by now, which only grows."""
    grown = text[len(row.text) :]
    if grown and text.startswith(row.text):
        publish(row.stream_id, "text", {"text": grown, "offset": len(row.text)})
        row.text = text
        GROW([text, GROW.adapt("updated", timezone.now())], [row.pk])


def have_worked(session: UUID) -> None:
    """A worker takes the session's run up."""
    dispatch.send(Session.TASK, str(session))


def run_usage(session: Session, run: Run, completion: int) -> dict[str, int]:
    """Tokens and forward passes of a run. Masks in the prompt are places of the completion."""
    prompt = len(session.prompt_ids) - session.prompt_ids.count(session.mask_id)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "steps": Step.objects.filter(run=run).count(),
    }
