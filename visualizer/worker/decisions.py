"""From texts around gaps and texts of choices to scores: tokens, then joint log-probabilities."""

from __future__ import annotations

from collections.abc import Sequence

from inference import runtime
from inference.engine.checkpoint import LoadedModel
from inference.engine.choices import Ids, Scored, joint_logprobs
from inference.engine.tokenization import Tokenizer
from inference.errors import UnmaskError
from inference.runtime.error_mapping import engine_errors


def score(model: LoadedModel, parts: Sequence[str], places: Sequence[Sequence[str]]) -> Scored:
    """Nats of every choice of every place, and what it took. Raises UnmaskError.

    Whitespace before a gap goes to its choices, as tokenizers write a blank and the word behind it
    as one token.
    """
    if model.tokenizer is None:
        raise UnmaskError("validation", "This model reads no text.", "model")
    pieces, blanks = _cut(parts)
    texts = [model.tokenizer.encode_prompt(pieces[0], False)]
    texts += [model.tokenizer.encode(piece) for piece in pieces[1:]]
    choices = [
        _choices(model.tokenizer, blank, place, number)
        for number, (blank, place) in enumerate(zip(blanks, places, strict=True))
    ]
    _check_room(model, sum(map(len, texts)) + sum(max(map(len, one)) for one in choices))
    with engine_errors():
        return joint_logprobs(model, [tuple(one) for one in texts], choices, runtime.forward)


def _cut(parts: Sequence[str]) -> tuple[list[str], list[str]]:
    """The pieces without whitespace before gaps, and that whitespace."""
    pieces = [*(part.rstrip() for part in parts[:-1]), parts[-1]]
    blanks = [part[len(piece) :] for part, piece in zip(parts[:-1], pieces, strict=False)]
    return pieces, blanks


def _choices(tokenizer: Tokenizer, blank: str, place: Sequence[str], number: int) -> list[Ids]:
    found = [tuple(tokenizer.encode(blank + choice)) for choice in place]
    if not all(found) or len(set(found)) < len(found):
        words = "Two choices are the same to this model, or one is nothing to it."
        raise UnmaskError("validation", words, f"places.{number}")
    return found


def _check_room(model: LoadedModel, size: int) -> None:
    if size > model.context:
        words = f"Text and choices take {size} tokens; the model's context is {model.context}."
        raise UnmaskError("validation", words, "text")
