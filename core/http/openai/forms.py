"""The two shapes of answers: `text_completion` and `chat.completion`, whole and in chunks."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar
from uuid import uuid4

from core.generation import TokenLogprob
from core.http.openai.logprobs import for_chat, for_completion, joined

Part = dict[str, Any]
FINISH = {"stop": "stop", "length": "length", "cancelled": "stop"}
Tokens = Sequence[TokenLogprob] | None


@dataclass(frozen=True, slots=True)
class Echo:
    """The prompt before a choice's text, and its tokens where their log-probabilities are asked."""

    text: str
    tokens: Tokens = None

    def __len__(self) -> int:
        """Tokens that were scored."""
        return len(self.tokens or ())


@dataclass
class Form:
    """An answer in the making. Subclasses say what a choice looks like.

    `echo`: what stands before the text of each choice, where that was asked for.
    """

    prefix: ClassVar[str]
    whole: ClassVar[str]
    chunk: ClassVar[str]

    model: str
    echo: Sequence[Echo] = ()
    id: str = field(default_factory=lambda: uuid4().hex)
    created: int = field(default_factory=lambda: int(time.time()))

    def answer(self, choices: list[Part], usage: Part) -> Part:
        return {**self._head(self.whole), "choices": choices, "usage": usage}

    def piece(self, choices: list[Part], **more: Any) -> Part:
        """A chunk; chunks of a chat have a name of their own."""
        return {**self._head(self.chunk), "choices": choices, **more}

    def _head(self, name: str) -> Part:
        ours = {"id": f"{self.prefix}{self.id}", "object": name}
        return {**ours, "created": self.created, "model": self.model}

    def echo_usage(self) -> Part:
        """Where nothing but the echo is told: the tokens that were scored."""
        counts = [{"prompt_tokens": n, "total_tokens": n} for n in map(len, self.echo)]
        return summed(counts)

    def choice(self, index: int, text: str, reason: str, tokens: Tokens) -> Part:
        raise NotImplementedError

    def first(self, index: int) -> Part | None:
        """What a choice's stream begins with, if anything."""
        return None

    def delta(self, index: int, text: str, tokens: Tokens = None, at: int = 0) -> Part:
        """A piece of the text; `at`: characters of its text before its tokens."""
        raise NotImplementedError

    def last(self, index: int, reason: str, tokens: Tokens, at: int = 0) -> Part:
        raise NotImplementedError


class TextForm(Form):
    """`/v1/completions`."""

    prefix, whole, chunk = "cmpl-", "text_completion", "text_completion"

    def choice(self, index: int, text: str, reason: str, tokens: Tokens) -> Part:
        logprobs = joined(self._echo_logprobs(index), self._logprobs(index, tokens, 0))
        about = {"index": index, "finish_reason": FINISH[reason], "logprobs": logprobs}
        return {"text": self._echoed(index) + text, **about}

    def first(self, index: int) -> Part | None:
        if not self.echo:
            return None
        about = {"finish_reason": None, "logprobs": self._echo_logprobs(index)}
        return {"index": index, "text": self._echoed(index), **about}

    def delta(self, index: int, text: str, tokens: Tokens = None, at: int = 0) -> Part:
        logprobs = self._logprobs(index, tokens, at)
        return {"index": index, "text": text, "finish_reason": None, "logprobs": logprobs}

    def last(self, index: int, reason: str, tokens: Tokens, at: int = 0) -> Part:
        return {**self.delta(index, "", tokens, at), "finish_reason": FINISH[reason]}

    def _logprobs(self, index: int, tokens: Tokens, at: int) -> Part | None:
        return None if tokens is None else for_completion(tokens, len(self._echoed(index)) + at)

    def _echoed(self, index: int) -> str:
        return self.echo[index].text if self.echo else ""

    def _echo_logprobs(self, index: int) -> Part | None:
        tokens = self.echo[index].tokens if self.echo else None
        return None if tokens is None else for_completion(tokens, 0)


class ChatForm(Form):
    """`/v1/chat/completions`."""

    prefix, whole, chunk = "chatcmpl-", "chat.completion", "chat.completion.chunk"

    def choice(self, index: int, text: str, reason: str, tokens: Tokens) -> Part:
        message = {"role": "assistant", "content": text, "refusal": None}
        about = {"finish_reason": FINISH[reason], "logprobs": None}
        return {"index": index, "message": message, **about, **_logprobs(tokens)}

    def first(self, index: int) -> Part | None:
        return self._chunk(index, {"role": "assistant", "content": ""})

    def delta(self, index: int, text: str, tokens: Tokens = None, at: int = 0) -> Part:
        return {**self._chunk(index, {"content": text} if text else {}), **_logprobs(tokens)}

    def last(self, index: int, reason: str, tokens: Tokens, at: int = 0) -> Part:
        about = {"finish_reason": FINISH[reason], **_logprobs(tokens)}
        return {**self._chunk(index, {}), **about}

    def _chunk(self, index: int, delta: Part) -> Part:
        return {"index": index, "delta": delta, "finish_reason": None, "logprobs": None}


def _logprobs(tokens: Tokens) -> Part:
    return {} if tokens is None else {"logprobs": for_chat(tokens)}


def summed(usages: Sequence[Part]) -> Part:
    """Tokens of several choices; a prompt that several share is counted once for each."""
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    return {name: sum(int(usage.get(name, 0)) for usage in usages) for name in names}
