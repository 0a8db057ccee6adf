"""Starting the generations behind the choices of a request, and reading their log-probabilities."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from asgiref.sync import sync_to_async

from core import generation
from core.generation import Collected, Generation, Prompt, TokenLogprob
from core.http.openai.forms import Echo
from core.http.openai.requests import CompletionRequest, Request


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice under way, and which one it is."""

    index: int
    made: Generation


@sync_to_async
def started(user: Any, asked: Request) -> list[Choice]:
    """`n` generations for each prompt, in OpenAI's order. Raises UnmaskError before any starts
    for what does not fit together, and for a model that there is not.
    """
    pairs = [(prompt, number) for prompt in asked.prompts() for number in range(asked.n)]
    settings = [asked.settings(number) for _, number in pairs]
    choices = []
    for index, ((prompt, _), one) in enumerate(zip(pairs, settings, strict=True)):
        made = generation.start(user=user, model=asked.model, prompt=prompt, settings=one)
        choices.append(Choice(index, made))
    return choices


def _echoed(prompt: Prompt) -> Prompt:
    """What of a prompt stands before the answer."""
    return Prompt(text=prompt.pieces[0]) if prompt.pieces else prompt


async def collected(user: Any, choices: list[Choice]) -> list[Collected]:
    """All choices, finished. Raises UnmaskError: the first failure; the others are stopped."""
    async with _Group() as group:
        tasks = [group.create_task(generation.collect(one.made, user)) for one in choices]
    return [task.result() for task in tasks]


class _Group(asyncio.TaskGroup):
    """A task group whose first failure is raised as it is, not inside a group of exceptions."""

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            await super().__aexit__(kind, error, trace)
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None


async def logprobs_of(
    user: Any, choice: Choice, asked: Request, first: int = 0
) -> list[TokenLogprob] | None:
    """Those of a choice's tokens from number `first` on, if they were asked for."""
    if asked.top is None:
        return None
    return await sync_to_async(generation.logprobs)(
        user=user, id=choice.made.id, top=asked.top, at=asked.logprobs_at, first=first
    )


async def echoes(user: Any, asked: Request) -> list[Echo]:
    """The prompt before each choice's text, where it was asked for; scored once for its choices.

    Raises UnmaskError for log-probabilities on a model that does not write in order.
    """
    if not (isinstance(asked, CompletionRequest) and asked.echo):
        return []
    found = []
    for prompt in map(_echoed, asked.prompts()):
        found += [await _echo(user, asked, prompt)] * asked.n
    return found


async def _echo(user: Any, asked: CompletionRequest, prompt: Prompt) -> Echo:
    """Of a prompt of ids the text is known once its tokens have been scored."""
    if not (asked.scores or prompt.ids):
        return Echo(prompt.text)
    top = asked.logprobs or 0
    tokens = await generation.score(user=user, model=asked.model, prompt=prompt, top=top)
    text = "".join(token.text for token in tokens) if prompt.ids else prompt.text
    return Echo(text, tokens if asked.scores else None)
