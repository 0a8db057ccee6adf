"""What a worker writes of an answer: that it has begun, failed, or come to its end."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction

from core import generation
from core.generation import Generation, Prompt, Settings
from core.jobs.models import Job
from core.markdown import render
from inference.errors import UnmaskError
from playground.models import Message
from playground.services.turns import tell_message

Status = Message.Status
_ENDS = {
    Job.Status.DONE: Status.DONE,
    Job.Status.CANCELLED: Status.STOPPED,
    Job.Status.FAILED: Status.FAILED,
}


@transaction.atomic
def begin(
    *,
    message: Message,
    prompt: Prompt,
    settings: Settings,
    prefix: str,
    left_out: int,
    flattened: bool,
) -> Generation:
    """Start the generation of a queued answer. `prefix`: the text of the ids that it goes on after.

    Raises UnmaskError.
    """
    model = message.model.slug if message.model else None
    started = generation.start(
        user=message.conversation.owner, model=model, prompt=prompt, settings=settings
    )
    message.generation, message.url, message.status = started.id, started.url, Status.WRITING
    message.left_out, message.flattened = left_out, flattened
    message.token_ids, message.prefix = list(prompt.ids[len(prompt.ids) - prompt.written :]), prefix
    message.save()
    tell_message(message)
    return started


@transaction.atomic
def fail(*, message: Message, shape: dict[str, Any]) -> None:
    """End an answer that could not be begun."""
    message.status, message.error, message.text = Status.FAILED, shape, message.prefix
    message.html = render(message.text)
    message.save()
    tell_message(message)


@transaction.atomic
def end_at_prefix(*, message: Message, prefix: str) -> None:
    """End a queued answer whose last token, as it was chosen, is one that ends answers."""
    message.text, message.prefix, message.html = prefix, prefix, render(prefix)
    message.status, message.finish_reason = Status.DONE, "stop"
    message.save()
    tell_message(message)


def on_ended(
    *, id: UUID, text: str, ids: list[int], status: str, payload: dict[str, Any], **_: Any
) -> None:
    """Inside the transaction that ends a generation: the answer that it was made for ends too."""
    found = Message.objects.select_related("conversation", "model")
    message = found.filter(generation=id, status=Status.WRITING).first()
    if message is None:
        return
    message.text = message.prefix + text
    known = bool(message.token_ids) or not message.prefix
    message.token_ids = [*message.token_ids, *ids] if known and (ids or not text) else []
    message.html = render(message.text)
    message.status = _ENDS[Job.Status(status)]
    message.error = payload if message.status == Status.FAILED else None
    message.finish_reason = payload.get("finish_reason", "")
    message.usage, message.seconds = payload.get("usage", {}), payload.get("seconds", 0.0)
    message.url = payload.get("url", message.url)
    message.save()
    tell_message(message)


def no_model() -> UnmaskError:
    """The model of a queued answer has been taken off the list since."""
    return UnmaskError("model_unavailable", "The model of this answer is no longer listed.")
