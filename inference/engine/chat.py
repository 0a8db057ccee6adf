"""Conversations as token ids, by the template that a family was trained with.

User text is encoded as text: the special tokens of the template are put in as ids, and whatever a
message spells is never interpreted. Differences from published templates stand in docs/decoding.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from inference.engine.checkpoint import LoadedModel
from inference.engine.errors import InputError

Part = tuple[bool, str]  # (special, text)


@dataclass(frozen=True)
class Message:
    """One turn; `role` is system, user or assistant."""

    role: str
    content: str


Template = Callable[[Sequence[Message], bool], list[Part]]
ROLES = ("system", "user", "assistant")


def _special(text: str) -> Part:
    return True, text


def llada(messages: Sequence[Message], answer: bool) -> list[Part]:
    """LLaDA: a header and an end for each turn; the open header only when an answer is wanted."""
    parts = [_special("<|startoftext|>")]
    for message in messages:
        parts += [*_header(message.role, message.content.strip()), _special("<|eot_id|>")]
    return parts + (_header("assistant", "") if answer else [])


def _header(role: str, content: str) -> list[Part]:
    marks = [_special("<|start_header_id|>"), (False, role), _special("<|end_header_id|>")]
    return [*marks, (False, f"\n\n{content}")]


def chatml(messages: Sequence[Message], answer: bool) -> list[Part]:
    """ChatML with the default system turn of Qwen2.5."""
    turns = list(messages)
    if not turns or turns[0].role != "system":
        turns.insert(0, Message("system", "You are a helpful assistant."))
    parts: list[Part] = []
    for turn in turns:
        parts += [_special("<|im_start|>"), (False, f"{turn.role}\n{turn.content}")]
        parts += [_special("<|im_end|>"), (False, "\n")]
    return parts + ([_special("<|im_start|>"), (False, "assistant\n")] if answer else [])


def role_tags(messages: Sequence[Message], answer: bool) -> list[Part]:
    """LLaDA-MoE and LLaDA2: <role>NAME</role>, with thinking switched off in the system turn."""
    names = {"system": "SYSTEM", "user": "HUMAN", "assistant": "ASSISTANT"}
    turns = list(messages)
    if not turns or turns[0].role != "system":
        turns.insert(0, Message("system", "detailed thinking off"))
    parts: list[Part] = []
    for turn in turns:
        parts += [*_tag(names[turn.role]), (False, turn.content), _special("<|role_end|>")]
    return parts + (_tag("ASSISTANT") if answer else [])


def _tag(name: str) -> list[Part]:
    return [_special("<role>"), (False, name), _special("</role>")]


TEMPLATES: dict[str, Template] = {"llada": llada, "chatml": chatml, "role": role_tags}


def chat_ids(model: LoadedModel, messages: Sequence[Message], answer: bool = True) -> list[int]:
    """Ids of a conversation; with `answer` it ends where the assistant is to write.

    Raises InputError for a model without a template or a role that there is not.
    """
    template = TEMPLATES.get(model.spec.chat)
    if template is None or model.tokenizer is None:
        raise InputError("This model was not trained on conversations.", "messages")
    if any(message.role not in ROLES for message in messages):
        raise InputError(f"A role must be one of {', '.join(ROLES)}.", "role")
    ids: list[int] = []
    for special, text in template(messages, answer):
        ids += _encoded(model, special, text)
    return ids


def _encoded(model: LoadedModel, special: bool, text: str) -> list[int]:
    assert model.tokenizer is not None
    if not special:
        return model.tokenizer.encode(text)
    found = model.tokenizer.id_of(text)
    return model.tokenizer.encode(text, special=True) if found is None else [found]
