"""From a request to what core.generation takes: a prompt and settings."""

from __future__ import annotations

from core.generation import Prompt, Settings
from inference.errors import UnmaskError
from inference.limits import LIMITS
from visualizer.api.requests import (
    LONGEST_GAP,
    MOST_PIECES,
    STOP_CHARACTERS,
    Decoding,
    GenerateRequest,
    InfillRequest,
)
from visualizer.commands.schemas.decisions import GAP


def settings_of(asked: Decoding) -> Settings:
    """Raises UnmaskError for texts to stop at that are empty or very long."""
    if any(not 1 <= len(one) <= STOP_CHARACTERS for one in asked.stop):
        raise _refused(f"Texts to stop at have 1 to {STOP_CHARACTERS} characters.", "stop")
    if asked.steps is not None and asked.tokens_per_step is not None:
        raise _refused("Give steps or tokens_per_step, not both.", "tokens_per_step")
    return Settings(
        max_new_tokens=asked.max_new_tokens,
        recipe=asked.recipe,
        parameters=asked.parameters,
        steps=asked.steps,
        tokens_per_step=asked.tokens_per_step,
        block_length=asked.block_length,
        temperature=asked.temperature,
        top_p=asked.top_p,
        top_k=asked.top_k,
        seed=asked.seed,
        stop=tuple(asked.stop),
    )


def prompt_of(asked: GenerateRequest) -> Prompt:
    """Raises UnmaskError unless there is either a prompt or messages."""
    if asked.prompt is not None and asked.messages is not None:
        raise _refused("Send prompt or messages, not both.", "messages")
    if asked.messages is not None:
        if sum(len(turn.content) for turn in asked.messages) > LIMITS["prompt"].high:
            raise _refused("The messages are too long. Leave out the oldest ones.", "messages")
        return Prompt(messages=tuple(turn.model_dump() for turn in asked.messages))
    if asked.prompt is None:
        raise _refused("prompt is required, or messages.", "prompt")
    return Prompt(text=asked.prompt, special_tokens=asked.special_tokens)


def gaps_of(asked: InfillRequest) -> Prompt:
    """The pieces and their gaps; a length of 0 is found by the worker. Raises UnmaskError."""
    pieces = _pieces(asked)
    if sum(map(len, pieces)) > LIMITS["prompt"].high:
        words = f"The text has more than {LIMITS['prompt'].high:g} characters."
        raise _refused(words, _given(asked))
    return Prompt(
        pieces=tuple(pieces),
        gaps=tuple(_lengths(asked, len(pieces) - 1)),
        longest_gap=asked.max_new_tokens or LONGEST_GAP,
    )


def _given(asked: InfillRequest) -> str:
    """The field that the texts came in."""
    return next(name for name in _FORMS if getattr(asked, name) is not None)


_FORMS = ("pieces", "text", "prefix", "suffix")


def _pieces(asked: InfillRequest) -> list[str]:
    around = asked.prefix is not None or asked.suffix is not None
    if sum((around, asked.text is not None, asked.pieces is not None)) != 1:
        raise _refused(f"Send prefix and suffix, or a text with {GAP}, or pieces.", "prefix")
    if around:
        return [asked.prefix or "", asked.suffix or ""]
    pieces = asked.pieces if asked.text is None else asked.text.split(GAP)
    assert pieces is not None
    if not 2 <= len(pieces) <= MOST_PIECES:
        raise _refused(f"The text needs 1 to {MOST_PIECES - 1} times {GAP}.", "text")
    return pieces


def _lengths(asked: InfillRequest, gaps: int) -> list[int]:
    if asked.lengths is None:
        return [asked.length or 0] * gaps
    if asked.length is not None:
        raise _refused("Send length or lengths, not both.", "lengths")
    if len(asked.lengths) != gaps:
        raise _refused(f"There are {gaps} gaps, so lengths needs as many entries.", "lengths")
    most = int(LIMITS["gen_length"].high)
    if any(one is not None and not 1 <= one <= most for one in asked.lengths):
        raise _refused(f"A gap has 1 to {most} tokens.", "lengths")
    return [one or 0 for one in asked.lengths]


def _refused(message: str, field: str) -> UnmaskError:
    return UnmaskError("validation", message, field)
