"""What the commands of conversations do, and what they answer."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from core.links import revoke
from inference import registry
from inference.models import ModelEntry
from playground.commands.table import Request
from playground.models import Conversation, ConversationLink, Message
from playground.selectors.conversations import conversation_for, message_for
from playground.selectors.links import link_of, links_of
from playground.selectors.models import default_for_chat
from playground.selectors.payloads import conversation_payload, message_payload, number_of, page
from playground.services import conversations, links, turns

Reply = dict[str, Any]


def send(request: Request) -> Reply:
    """started: the answer that is being made."""
    asked = request.message
    conversation = _named_or_new(request)
    settings = asked.settings.given() if asked.settings else {}
    return _started(turns.send(conversation=conversation, text=asked.message, settings=settings))


def _named_or_new(request: Request) -> Conversation:
    """The conversation that is named, with what the message changes of it; else a new one."""
    asked = request.message
    if asked.conversation_id is None:
        given = {"system_prompt": asked.system_prompt or ""}
        return conversations.create_conversation(
            owner=request.user, model=_model(asked.model, request.user), **given
        )
    conversation = conversation_for(request.user, asked.conversation_id)
    given = {}
    if asked.model is not None:
        given["model"] = _model(asked.model, request.user)
    if asked.system_prompt is not None:
        given["system_prompt"] = asked.system_prompt
    if given:
        conversations.change(conversation=conversation, **given)
    return conversation


def _model(slug: str | None, user: Any) -> ModelEntry:
    """The model of that name, without one that of new conversations. Raises UnmaskError."""
    if not slug:
        return default_for_chat(user)
    return registry.resolve(slug, user)


def stop(request: Request) -> Reply:
    """stopping: the answer that ends, null if none was being made."""
    message = turns.stop(conversation=request.conversation)
    return {"type": "stopping", **_ids(request.conversation, message)}


def edit(request: Request) -> Reply:
    """started: the new answer, or the message itself where it is an answer."""
    return _started(turns.edit(message=_message(request), text=request.message.message))


def regenerate(request: Request) -> Reply:
    """started: the new answer."""
    settings = request.message.settings
    given = settings.given() if settings else {}
    return _started(turns.regenerate(message=_message(request), settings=given))


def continue_answer(request: Request) -> Reply:
    """started: the answer that is written on."""
    return _started(turns.continue_answer(message=_message(request)))


def choose(request: Request) -> Reply:
    """started: the answer that is written on from the chosen token."""
    asked = request.message
    answer = turns.choose(message=_message(request), number=asked.number, token=asked.token)
    return _started(answer)


def show(request: Request) -> Reply:
    """shown: the whole line that is shown now."""
    turns.show(message=_message(request))
    fresh = conversation_for(request.user, request.conversation.pk)
    return {"type": "shown", "conversation": conversation_payload(fresh), **page(fresh)}


def older(request: Request) -> Reply:
    """older: turns above one that the client has."""
    return {"type": "older", **page(request.conversation, request.message.before)}


def change(request: Request) -> Reply:
    """changed: what stands over the conversation."""
    given = request.message.model_dump(
        include={"title", "folder", "system_prompt"}, exclude_none=True
    )
    if request.message.model is not None:
        given["model"] = _model(request.message.model, request.user)
    if request.message.settings is not None:
        given["settings"] = request.message.settings.given()
    if given:
        conversations.change(conversation=request.conversation, **given)
    if request.message.archived is not None:
        archived = request.message.archived
        conversations.archive(conversation=request.conversation, archived=archived)
    return _changed(request.conversation)


def share(request: Request) -> Reply:
    """link_made: the link with its token, which is told once."""
    asked = request.message
    given = {"name": asked.name, "hours": asked.hours, "may_write": asked.may_write}
    link, token = links.share(conversation=request.conversation, **given)
    path = reverse("shared_chat", args=[token])
    return {"type": "link_made", "link": _link(link), "token": token, "path": path}


def unshare(request: Request) -> Reply:
    """link_list: the links that are left."""
    revoke(link_of(request.conversation, request.message.link))
    return {"type": "link_list", "links": [_link(one) for one in links_of(request.conversation)]}


def _link(link: ConversationLink) -> Reply:
    expires = link.expires.isoformat() if link.expires else None
    return {"id": link.pk, "name": link.name, "may_write": link.may_write, "expires": expires}


def delete(request: Request) -> Reply:
    """changed: it is put away; an answer in the making ends."""
    turns.stop(conversation=request.conversation)
    conversations.delete(conversation=request.conversation)
    return _changed(request.conversation)


def restore(request: Request) -> Reply:
    """changed: it is back."""
    found = conversation_for(request.user, request.message.conversation_id, deleted=True)
    conversations.restore(conversation=found)
    return _changed(found)


def _message(request: Request) -> Message:
    return message_for(request.conversation, request.message.message_id)


def _started(message: Message) -> Reply:
    return {
        "type": "started",
        **_ids(message.conversation, message),
        "conversation": conversation_payload(message.conversation),
        "message": message_payload(message),
        "number": number_of(message.conversation),
    }


def _changed(conversation: Conversation) -> Reply:
    return {"type": "changed", "conversation": conversation_payload(conversation)}


def _ids(conversation: Conversation, message: Message | None) -> Reply:
    return {
        "conversation_id": str(conversation.pk),
        "conversation_file": conversation.file_name,
        "message_id": message.pk if message else None,
    }
