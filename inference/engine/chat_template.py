"""Conversations in the model's own Jinja template, rendered in transformers' sandbox.

Text of a message never becomes a special token: markers that it spells are replaced by private
characters before rendering and put back, as the characters they are, when the result is encoded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from transformers.utils.chat_template_utils import render_jinja_template

from inference.engine.checkpoint import LoadedModel
from inference.engine.errors import InputError
from inference.engine.tokenization import Tokenizer

MOST_CHARACTERS = 4_000_000
PRIVATE = range(0xF0000, 0xFFFFE)
"""A plane of Unicode without characters."""


def render(
    template: str, messages: Sequence[Mapping[str, str]], answer: bool, marks: Mapping[str, Any]
) -> str:
    """The conversation as text; with `answer` it ends where the assistant is to write.

    `marks`: what templates call bos_token and eos_token. Raises InputError with what the template
    itself says of a conversation that it does not take.
    """
    try:
        texts, _ = render_jinja_template(
            conversations=[[dict(message) for message in messages]],
            chat_template=template,
            add_generation_prompt=answer,
            **marks,
        )
    except Exception as error:  # a template is foreign code: it may raise whatever it likes
        said = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise InputError(f"The model's chat template refuses this: {said}", "messages") from None
    text = str(texts[0])
    if len(text) > MOST_CHARACTERS:
        raise InputError("The conversation is too long.", "messages")
    return text


def conversation_ids(
    model: LoadedModel, messages: Sequence[Mapping[str, str]], answer: bool = True
) -> list[int]:
    """Ids of a conversation in the model's own template. Raises InputError for a model without."""
    if model.chat_template is None or model.tokenizer is None:
        raise InputError("This model was not trained on conversations.", "messages")
    named = {"bos_token": model.spec.bos_id, "eos_token": model.spec.eos_id}
    marks = {
        name: "" if token is None else model.tokenizer.token_bytes(token).decode()
        for name, token in named.items()
    }
    return template_ids(model.tokenizer, model.chat_template, messages, answer, marks)


def template_ids(
    tokenizer: Tokenizer,
    template: str,
    messages: Sequence[Mapping[str, str]],
    answer: bool,
    marks: Mapping[str, Any],
) -> list[int]:
    """Ids of a conversation, the template's markers as special tokens. Raises InputError."""
    special = [tokenizer.token_bytes(token).decode() for token in sorted(tokenizer.special)]
    given = "".join(message["content"] for message in messages)
    spelled = [mark for mark in special if mark in given]
    if not spelled:
        return tokenizer.encode(render(template, messages, answer, marks), special=True)
    hidden = _hidden(spelled, given)
    quoted = [{**message, "content": _replaced(message["content"], hidden)} for message in messages]
    text = render(template, quoted, answer, marks)
    shown = {private: mark for mark, private in hidden.items()}
    return _encoded(tokenizer, text, special, shown)


def _hidden(spelled: Sequence[str], given: str) -> dict[str, str]:
    """Marker → a private character that the conversation does not use."""
    free = (character for code in PRIVATE if (character := chr(code)) not in given)
    return {mark: next(free) for mark in spelled}


def _encoded(
    tokenizer: Tokenizer, text: str, special: Sequence[str], shown: Mapping[str, str]
) -> list[int]:
    """Special tokens by their ids; what stands between them as text, markers spelled out."""
    ids: list[int] = []
    for part in re.split(f"({_any_of(special)})", text):
        found = tokenizer.id_of(part) if part in special else None
        ids += [found] if found is not None else tokenizer.encode(_replaced(part, shown))
    return ids


def _replaced(text: str, table: Mapping[str, str]) -> str:
    return re.sub(_any_of(table), lambda match: table[match[0]], text)


def _any_of(texts: Sequence[str] | Mapping[str, str]) -> str:
    """A pattern for the longest of these texts that stands in a place."""
    return "|".join(re.escape(text) for text in sorted(texts, key=len, reverse=True))
