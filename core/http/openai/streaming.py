"""Choices as streams of chunks, side by side; `[DONE]` at the end.

Denoising goes along: with `diffusing` each chunk's content is the whole text of a state, which
replaces the text before it; without it a state is a chunk that says nothing to strict clients, an
empty delta with the keys type "diffusion_frame", step, masked and text.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from core import generation
from core.generation import TokenLogprob
from core.http.openai.choices import Choice, logprobs_of
from core.http.openai.drafts import DraftText
from core.http.openai.errors import body_of
from core.http.openai.forms import Form, Part, summed
from core.http.openai.requests import Request
from core.http.sse import Frame
from inference.errors import UnmaskError, internal_error
from inference.events import Event

log = logging.getLogger(__name__)
DONE = Frame("[DONE]")
Parts = AsyncGenerator[Part | None]


async def chunks(
    user: Any, asked: Request, form: Form, choices: list[Choice]
) -> AsyncGenerator[Frame | None]:
    """All chunks of all choices as they are made. A failure is an error chunk, and the end."""
    usages: list[Part] = []
    for echo in [] if asked.writes else _echoes(form, usages):
        yield Frame(echo)
    streams = [_ChoiceStream(user, asked, form, choice, usages) for choice in choices]
    try:
        async with aclosing(_merged([stream.parts() for stream in streams])) as parts:
            async for part in parts:
                yield None if part is None else Frame(part)
    except UnmaskError as error:
        yield Frame({"error": body_of(error)})
        return
    except Exception:
        log.exception("a stream failed")
        yield Frame({"error": body_of(internal_error())})
        return
    if asked.stream_options is not None and asked.stream_options.include_usage:
        yield Frame(form.piece([], usage=summed(usages)))
    yield DONE


def _echoes(form: Form, usages: list[Part]) -> list[Part]:
    """The chunks of an answer in which nothing is written."""
    usages.append(form.echo_usage())
    parts = []
    for index in range(len(form.echo)):
        first, last = form.first(index), form.last(index, "length", None)
        parts += [form.piece([one]) for one in (first, last) if one is not None]
    return parts


class _ChoiceStream:
    """The chunks of one choice."""

    def __init__(
        self, user: Any, asked: Request, form: Form, choice: Choice, usages: list[Part]
    ) -> None:
        self._user, self._asked, self._form = user, asked, form
        self._choice, self._usages = choice, usages
        self._draft = DraftText()
        self._characters = 0
        self._tokens = _Told()

    async def parts(self) -> Parts:
        first = self._form.first(self._choice.index)
        if first is not None:
            yield self._form.piece([first])
        async with aclosing(generation.watch(self._choice.made, self._user)) as events:
            async for event in events:
                if event is None:
                    yield None
                    continue
                for part in await self._of(event):
                    yield part

    async def _of(self, event: Event) -> list[Part]:
        if event.type == "done":
            return [await self._last(event.payload)]
        if event.type == "error":
            told = event.payload
            raise UnmaskError(told["error_type"], told["message"], told.get("field"))
        if event.type == "draft":
            return [self._state(event.payload)]
        return [] if self._asked.diffusing else [await self._grown(event.payload["text"])]

    async def _grown(self, text: str) -> Part:
        """A piece of the text, with the log-probabilities of the tokens that it completes."""
        self._characters += len(text)
        at, tokens = self._tokens.characters, None
        if self._asked.logprobs_at == "step":
            found = await logprobs_of(self._user, self._choice, self._asked, self._tokens.count)
            tokens = None if found is None else self._tokens.take(found, self._characters)
        return self._form.piece([self._form.delta(self._choice.index, text, tokens, at)])

    def _piece(self, text: str, /, **more: Any) -> Part:
        return self._form.piece([self._form.delta(self._choice.index, text)], **more)

    def _state(self, draft: Part) -> Part:
        text = self._draft.apply(draft)
        if self._asked.diffusing:
            return self._piece(text)
        about = {"step": draft["step"], "masked": draft["masked"], "text": text}
        return self._piece("", type="diffusion_frame", **about)

    async def _last(self, done: Part) -> Part:
        self._usages.append(done["usage"])
        told = self._tokens
        tokens = await logprobs_of(self._user, self._choice, self._asked, told.count)
        reason = done["finish_reason"]
        last = self._form.last(self._choice.index, reason, tokens, told.characters)
        return self._form.piece([last])


@dataclass
class _Told:
    """How many tokens a stream has told of, and their characters."""

    count: int = 0
    characters: int = 0

    def take(self, tokens: list[TokenLogprob], characters: int) -> list[TokenLogprob]:
        """Those of the next tokens that end within so many characters of the text."""
        taken = []
        for token in tokens:
            if self.characters + len(token.text) > characters:
                break
            self.characters += len(token.text)
            taken.append(token)
        self.count += len(taken)
        return taken


async def _merged(streams: list[Parts]) -> Parts:
    """What the streams give, as it comes. Raises the first failure; the others are closed."""
    queue: asyncio.Queue[tuple[Part | None, BaseException | None, bool]] = asyncio.Queue(64)

    async def read(stream: Parts) -> None:
        try:
            async with aclosing(stream):
                async for part in stream:
                    await queue.put((part, None, False))
        except Exception as error:
            await queue.put((None, error, True))
        else:
            await queue.put((None, None, True))

    tasks = [asyncio.create_task(read(stream)) for stream in streams]
    try:
        left = len(tasks)
        while left:
            part, error, ended = await queue.get()
            if error is not None:
                raise error
            left -= ended
            if not ended:
                yield part
    finally:
        for task in tasks:
            task.cancel()
