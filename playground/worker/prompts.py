"""A line of turns as token ids that fit into a model's context."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inference.engine import chat
from inference.engine.causal.text import TextStream
from inference.engine.checkpoint import LoadedModel
from inference.errors import UnmaskError

Turns = Sequence[chat.Message]
MOST_NEW = 256
"""Tokens of an answer for which room is kept unless asked for; at most half a context."""


@dataclass(frozen=True, slots=True)
class FittedPrompt:
    """`ids` of the prompt; `left_out`: oldest turns without room; `room`: tokens for the answer.

    `flattened`: the model knows no conversations, so that their plain text is continued. `written`:
    so many of the last ids begin the answer.
    """

    ids: list[int]
    room: int
    left_out: int = 0
    flattened: bool = False
    written: int = 0


def fitted_prompt(
    model: LoadedModel,
    turns: Turns,
    system: str,
    written: Sequence[int] = (),
    wanted: int | None = None,
) -> FittedPrompt:
    """The prompt after which an answer is written, or written on after the tokens `written`.

    Whole turns leave, the oldest first, and what begins the prompt is a user's turn again.
    `wanted`: tokens of the answer. Raises UnmaskError where the newest turn has no room by itself.
    """
    room = wanted or min(MOST_NEW, model.context // 2)
    if room >= model.context:
        raise UnmaskError(
            "validation",
            f"An answer of {room} tokens leaves no room for the question; the model's context is "
            f"{model.context}. Ask for fewer.",
            "max_new_tokens",
        )
    flattened = not chat.has_template(model)
    for first in _beginnings(turns):
        ids = _ids(model, turns[first:], system, written, flattened)
        if len(ids) + room <= model.context:
            return FittedPrompt(ids, room, first, flattened, len(written))
    raise UnmaskError(
        "validation",
        f"The newest message takes {len(ids)} tokens; the model's context is {model.context}, of "
        f"which {room} are kept for the answer. Shorten it.",
        "message",
    )


def _beginnings(turns: Turns) -> list[int]:
    """Where a prompt may begin: at the first turn, or at a later one of the user's."""
    return [0, *(n for n, turn in enumerate(turns) if n and turn.role == "user")]


def _ids(
    model: LoadedModel, turns: Turns, system: str, written: Sequence[int], flattened: bool
) -> list[int]:
    if model.tokenizer is None:
        raise UnmaskError("validation", "This model cannot read text.", "model")
    if flattened:
        return [*model.tokenizer.encode_prompt(flat_text(turns, system)), *written]
    first = [chat.Message("system", system)] if system else []
    return [*chat.chat_ids(model, [*first, *turns]), *written]


def begun_ids(model: LoadedModel, ids: Sequence[int], text: str) -> list[int]:
    """The tokens of an answer that is written on: as they were written, else read from its text."""
    if ids or not text:
        return list(ids)
    if model.tokenizer is None:
        raise UnmaskError("validation", "This model cannot read text.", "model")
    return model.tokenizer.encode(text)


def begun_text(model: LoadedModel, ids: Sequence[int], text: str) -> str:
    """The text of these tokens as far as it is whole characters; what follows completes the rest.

    Without ids, and for models that do not write from left to right, it is the given text.
    """
    if not ids or model.spec.attention != "causal":
        return text
    stream = TextStream(model.tokenizer)
    return "".join(stream.push(one) for one in ids)


def flat_text(turns: Turns, system: str) -> str:
    """Plain text: a line for each turn of the user's, with what was written after it."""
    text = system
    for turn in turns:
        text += ("\n" if text and turn.role == "user" else "") + turn.content
    return text
