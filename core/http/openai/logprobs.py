"""Log-probabilities in OpenAI's two forms, from what a generator tells of each token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.generation import TokenLogprob
from inference.engine.text_spans import raw_of


def for_completion(tokens: Sequence[TokenLogprob], offset: int) -> dict[str, Any]:
    """The form of /v1/completions; `offset`: characters of the echoed prompt before the text."""
    offsets, at = [], offset
    for token in tokens:
        offsets.append(at)
        at += len(token.text)
    return {
        "tokens": [token.text for token in tokens],
        "token_logprobs": [token.logprob for token in tokens],
        "top_logprobs": [_by_text(token) or None for token in tokens],
        "text_offset": offsets,
    }


def joined(first: dict[str, Any] | None, then: dict[str, Any] | None) -> dict[str, Any] | None:
    """Two of that form, one behind the other; either may be missing."""
    if first is None or then is None:
        return first or then
    return {name: [*first[name], *then[name]] for name in first}


def _by_text(token: TokenLogprob) -> dict[str, float]:
    """Alternatives by their text; of several that read alike (parts of characters) the best."""
    return dict(reversed(token.top))


def for_chat(tokens: Sequence[TokenLogprob]) -> dict[str, Any]:
    """The form of /v1/chat/completions."""
    return {"content": [_entry(token) for token in tokens], "refusal": None}


def _entry(token: TokenLogprob) -> dict[str, Any]:
    """A token and its alternatives; a part of a character (`<0xE2>`) has its own bytes."""
    top = [{**_plain(text, logprob), "bytes": _bytes(raw_of(text))} for text, logprob in token.top]
    return {**_plain(token.text, token.logprob), "top_logprobs": top}


def _plain(text: str, logprob: float | None) -> dict[str, Any]:
    return {"token": text, "logprob": logprob, "bytes": _bytes(text)}


def _bytes(text: str) -> list[int]:
    """Surrogates other than those of single bytes, which stand for nothing, become "?"."""
    try:
        return list(text.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:
        return list(text.encode("utf-8", "replace"))
