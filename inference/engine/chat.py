"""Conversations as token ids, by the template that a family was trained with.

User text is encoded as text: the special tokens of the template are put in as ids, and whatever a
message spells is never interpreted.
"""

from __future__ import annotations

from collections.abc import Sequence

from inference.engine.chat_template import conversation_ids
from inference.engine.chat_templates import ROLES, TEMPLATES, Message
from inference.engine.checkpoint import LoadedModel
from inference.engine.errors import InputError

__all__ = ["Message", "chat_ids", "has_template"]


def chat_ids(model: LoadedModel, messages: Sequence[Message], answer: bool = True) -> list[int]:
    """Ids of a conversation; with `answer` it ends where the assistant is to write.

    The model's default system turn stands in front unless there is one. Raises InputError for a
    model without a template or a role that there is not.
    """
    if model.spec.chat == "jinja":
        return conversation_ids(model, [vars(message) for message in messages], answer)
    template = TEMPLATES.get(model.spec.chat)
    if template is None or model.tokenizer is None:
        raise InputError("This model was not trained on conversations.", "messages")
    if any(message.role not in ROLES for message in messages):
        raise InputError(f"A role must be one of {', '.join(ROLES)}.", "role")
    ids: list[int] = []
    for special, text in template(_with_system(messages, model.spec.system), answer):
        ids += _encoded(model, special, text)
    return ids


def has_template(model: LoadedModel) -> bool:
    """Whether the model was trained on conversations, be its template a sound one or not."""
    if model.tokenizer is None:
        return False
    if model.spec.chat == "jinja":
        return model.chat_template is not None
    return model.spec.chat in TEMPLATES


def _with_system(messages: Sequence[Message], default: str) -> list[Message]:
    turns = list(messages)
    if default and (not turns or turns[0].role != "system"):
        turns.insert(0, Message("system", default))
    return turns


def _encoded(model: LoadedModel, special: bool, text: str) -> list[int]:
    assert model.tokenizer is not None
    if not special:
        return model.tokenizer.encode(text)
    found = model.tokenizer.id_of(text)
    return model.tokenizer.encode(text, special=True) if found is None else [found]
