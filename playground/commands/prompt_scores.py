"""Log-probabilities of a prompt's tokens, for doors that echo it (see core.generation.score)."""

from __future__ import annotations

from typing import Any

from core.commands.ask import LOAD_WAIT_SECONDS, ask
from core.generation import Prompt, TokenLogprob
from inference.models import ModelEntry
from playground.commands.table import COMMANDS


async def prompt_scores(
    *, user: Any, model: ModelEntry, prompt: Prompt, top: int
) -> list[TokenLogprob]:
    """As the page that scores a text has them: nats over the whole vocabulary at temperature 1."""
    message: dict[str, Any] = {"type": "score_text", "model": model.slug, "text": prompt.text}
    if prompt.ids:
        message = {"type": "score_tokens", "model": model.slug, "token_ids": list(prompt.ids)}
    reply = await ask(COMMANDS, user, message, seconds=LOAD_WAIT_SECONDS)
    return [_told(token, top) for token in reply["tokens"]]


def _told(token: dict[str, Any], top: int) -> TokenLogprob:
    likeliest = token["top"][:top] if token["logprob"] is not None else []
    best = tuple((text, logprob) for _, text, logprob in likeliest)
    return TokenLogprob(token["text"], token["logprob"], best)
