"""Turns of a conversation: sending, editing, answering anew, continuing, stopping."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction

from core import generation
from core.jobs import dispatch
from core.markdown import render
from inference.catalog import DEFAULT_RECIPE, RECIPES
from inference.errors import UnmaskError, correlation_id
from inference.events import publish
from inference.models import ModelEntry
from playground.models import Conversation, Message
from playground.selectors.line import newest_leaf, writing_of
from playground.selectors.payloads import message_payload
from playground.selectors.tokens import ids_before, text_before
from playground.services.conversations import hold, tell, title_from

Role, Status = Message.Role, Message.Status
BUSY = (
    "An answer is being written in this conversation. "
    "Wait for its end, or stop it; then send again."
)
MOST_MESSAGES = 20_000
ANEW = 0.8
"""Temperature of another answer, unless the conversation has one of its own."""


@transaction.atomic
def send(*, conversation: Conversation, text: str, settings: Any = None) -> Message:
    """Write a user's turn under the head, and have it answered. Returns the answer, queued.

    Raises UnmaskError (conflict) while another answer is being made: that is the rule for two
    sends at once.
    """
    _hold_idle(conversation)
    turn = _add(conversation, conversation.head, Role.USER, text)
    if not conversation.title:
        conversation.title = title_from(text)
        conversation.save(update_fields=["title"])
    return _ask(conversation, turn, settings or {})


@transaction.atomic
def edit(*, message: Message, text: str) -> Message:
    """Put another text beside a message, on a branch of its own. A user's turn is answered anew.

    Returns the last message of the new branch. Raises UnmaskError (conflict) as `send` does.
    """
    conversation = message.conversation
    _hold_idle(conversation)
    fresh = _add(conversation, message.parent, message.role, text, model=message.model)
    if message.role == Role.USER:
        return _ask(conversation, fresh, {})
    _show(conversation, fresh)
    return fresh


@transaction.atomic
def regenerate(*, message: Message, settings: Any = None) -> Message:
    """Another answer beside this one; under a user's turn, another answer to it."""
    conversation = message.conversation
    _hold_idle(conversation)
    turn = message if message.role == Role.USER else message.parent
    if turn is None:
        raise UnmaskError("validation", "There is nothing above this message to answer.")
    number = Message.objects.filter(parent=turn).count()
    return _ask(conversation, turn, {"seed": number, **_varied(conversation)} | (settings or {}))


def _varied(conversation: Conversation) -> dict[str, float]:
    """A temperature for another answer: at 0, the usual one of many models, it would be the same.

    None where the conversation has one, or its recipe knows none.
    """
    usual = conversation.model.card.get("decoding", {})
    recipe = conversation.settings.get("recipe") or usual.get("recipe") or DEFAULT_RECIPE
    diffuses = conversation.model.kind == ModelEntry.Kind.DIFFUSION
    known = not diffuses or "temperature" in getattr(RECIPES.get(recipe), "uses", ())
    given = conversation.settings.get("temperature") is not None
    return {"temperature": ANEW} if known and not given else {}


@transaction.atomic
def continue_answer(*, message: Message) -> Message:
    """Write on where an answer ended. Raises UnmaskError (validation) for a user's turn."""
    conversation = message.conversation
    _hold_idle(conversation)
    if message.role != Role.ASSISTANT:
        raise UnmaskError("validation", "Only an answer can be continued.", "message_id")
    message.refresh_from_db()
    message.prefix, message.html = message.text, ""
    message.generation, message.error, message.finish_reason = None, None, ""
    message.status, message.stop_requested, message.attempts = Status.QUEUED, False, 0
    message.correlation_id = correlation_id.get()
    message.save()
    _show(conversation, message)
    dispatch.work(message)
    return message


@transaction.atomic
def choose(*, message: Message, number: int, token: int) -> Message:
    """An answer beside this one, written on after another token at a place, by the same model.

    Raises UnmaskError: not_found for a place or a token of which nothing is kept.
    """
    conversation = message.conversation
    _hold_idle(conversation)
    before = text_before(message, number, token)
    answer = _queued(conversation, message.parent, message.settings, message.model)
    answer.prefix = answer.text = before
    answer.token_ids = ids_before(message, number, token)
    answer.save(update_fields=["prefix", "text", "token_ids"])
    _show(conversation, answer)
    return answer


@transaction.atomic
def stop(*, conversation: Conversation) -> Message | None:
    """Ask the answer in the making to end; what was made stays. None if there is none."""
    hold(conversation)
    message = writing_of(conversation)
    if message is None:
        return None
    message.stop_requested = True
    if message.generation is None:
        message.status, message.finish_reason = Status.STOPPED, "cancelled"
        message.html = render(message.text)
    message.save(update_fields=["stop_requested", "status", "finish_reason", "html", "updated"])
    if message.generation is not None:
        _stop_generation(conversation.owner, message.generation)
    tell_message(message)
    return message


def _stop_generation(owner: Any, id: UUID) -> None:
    """One that has ended meanwhile says so of the message itself."""
    try:
        generation.stop(user=owner, id=id)
    except UnmaskError as error:
        if error.error_type != "conflict":
            raise


@transaction.atomic
def show(*, message: Message) -> Message:
    """Show the branch that a message is on, to its newest end. Returns that end."""
    conversation = message.conversation
    hold(conversation)
    leaf = Message.objects.get(pk=newest_leaf(conversation, message.pk))
    _show(conversation, leaf)
    return leaf


def tell_message(message: Message) -> None:
    """Inside a transaction: a message has come or changed."""
    publish(message.conversation.stream_id, "message", message_payload(message))


def _hold_idle(conversation: Conversation) -> None:
    hold(conversation)
    if writing_of(conversation) is not None:
        raise UnmaskError("conflict", BUSY)
    if Message.objects.filter(conversation=conversation).count() >= MOST_MESSAGES:
        raise UnmaskError(
            "validation", f"A conversation has at most {MOST_MESSAGES} messages. Begin another."
        )


def _add(
    conversation: Conversation, parent: Message | None, role: str, text: str, **columns: Any
) -> Message:
    """A finished message, told to everybody who looks."""
    message = Message.objects.create(
        conversation=conversation, parent=parent, role=role, text=text, html=render(text), **columns
    )
    tell_message(message)
    return message


def _ask(conversation: Conversation, turn: Message, settings: dict[str, Any]) -> Message:
    """A queued answer under a turn, on its way to a worker."""
    answer = _queued(conversation, turn, settings, conversation.model)
    _show(conversation, answer)
    return answer


def _queued(
    conversation: Conversation,
    turn: Message | None,
    settings: dict[str, Any],
    model: ModelEntry | None,
) -> Message:
    answer = Message.objects.create(
        conversation=conversation,
        parent=turn,
        role=Role.ASSISTANT,
        status=Status.QUEUED,
        model=model,
        settings=settings,
        correlation_id=correlation_id.get(),
    )
    dispatch.work(answer)
    return answer


def _show(conversation: Conversation, head: Message) -> None:
    conversation.head = head
    conversation.save(update_fields=["head", "updated"])
    tell_message(head)
    tell(conversation)
