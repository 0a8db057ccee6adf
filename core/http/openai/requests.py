"""What `/v1` takes: OpenAI's fields, and ours for diffusion beside them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from core.commands.fields import TokenId, limited, text
from core.generation import At, Prompt, Settings
from core.http.openai.neutral import Neutral, NeutralChat
from core.http.openai.response_format import ResponseFormat
from inference.catalog import PARAMETERS
from inference.errors import UnmaskError
from inference.limits import LIMITS

MOST_CHOICES, MOST_STOPS, STOP_CHARACTERS = 8, 4, 200
MOST_LOGPROBS, MOST_TOP_LOGPROBS = 5, 20
LONGEST_GAP = 64
LONGEST = int(LIMITS["prompt"].high)
Value = bool | int | float | str | None
Ids = Annotated[list[TokenId], Field(min_length=1, max_length=LONGEST)]


class Lax(BaseModel):
    """Strict types, but a list where OpenAI's own has several forms."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class StreamOptions(Lax):
    include_usage: bool = False
    include_obfuscation: bool = False


class Generating(Neutral):
    """What both kinds of completion share."""

    model: str = Field(min_length=1, max_length=200)
    n: int = Field(1, ge=1, le=MOST_CHOICES)
    stop: str | list[str] | None = None
    stream: bool = False
    stream_options: StreamOptions | None = None
    temperature: float | None = Field(None, ge=0, le=10, allow_inf_nan=False)
    top_p: float | None = Field(None, gt=0, le=1, allow_inf_nan=False)
    seed: int | None = limited("seed", None)
    top_k: int | None = Field(None, ge=0, le=2_000_000)
    steps: int | None = Field(None, ge=1, le=65_536, description="forward passes (diffusion)")
    tokens_per_step: int | None = Field(None, ge=1, le=1024, description="(diffusion)")
    block_length: int | None = limited("block_length", None)
    recipe: str | None = Field(None, min_length=1, max_length=60, description="(diffusion)")
    parameters: dict[str, Value] = Field(default_factory=dict, max_length=len(PARAMETERS))
    response_format: ResponseFormat | None = None
    logprobs_at: At = Field("step", description="when decided, or over the finished text: end")
    diffusing: bool = Field(False, description="each chunk is the whole text of a state")

    @property
    def stops(self) -> tuple[str, ...]:
        """Raises UnmaskError for more than four, and for empty or very long ones."""
        found = [self.stop] if isinstance(self.stop, str) else self.stop or []
        if len(found) > MOST_STOPS or any(not 1 <= len(one) <= STOP_CHARACTERS for one in found):
            raise UnmaskError(
                "validation",
                f"stop takes up to {MOST_STOPS} texts of 1 to {STOP_CHARACTERS} characters.",
                "stop",
            )
        return tuple(found)

    @property
    def most_tokens(self) -> int | None:
        raise NotImplementedError

    @property
    def writes(self) -> bool:
        """Whether anything is generated."""
        return True

    @property
    def top(self) -> int | None:
        """How many alternatives of each token are told; None: no log-probabilities."""
        raise NotImplementedError

    def settings(self, choice: int) -> Settings:
        """Those of one of the `n` choices: each has a seed of its own."""
        return Settings(
            max_new_tokens=self.most_tokens,
            recipe=self.recipe,
            parameters=self._parameters(),
            steps=self.steps,
            tokens_per_step=self.tokens_per_step,
            block_length=self.block_length,
            temperature=self.temperature,
            top_p=self.top_p,
            top_k=self.top_k,
            seed=(self.seed or 0) + choice,
            stop=self.stops,
            final_pass=self.top is not None and self.logprobs_at == "end",
        )

    def _parameters(self) -> dict[str, Value]:
        """Those that were named and those of the format. Raises UnmaskError for both at once."""
        wanted = self.response_format.parameters() if self.response_format else {}
        if wanted and {"regex", "json_schema"} & set(self.parameters):
            words = "Give response_format or a grammar among the parameters, not both."
            raise UnmaskError("validation", words, "response_format")
        return {**self.parameters, **wanted}


class CompletionRequest(Generating):
    """`POST /v1/completions`."""

    prompt: str | list[str] | Ids | list[Ids] = Field(
        description="a text or its tokens as the model's own ids, or several of a kind"
    )
    suffix: str | None = text("prompt", None, "text behind the gap: the prompt is continued to it")
    max_tokens: int | None = Field(
        None,
        ge=0,
        le=int(LIMITS["gen_length"].high),
        description="0, with echo and logprobs: only the prompt's log-probabilities",
    )
    echo: bool = False
    logprobs: int | None = Field(None, ge=0, le=MOST_LOGPROBS)
    best_of: int | None = Field(None, ge=1, le=1, description="1 only")

    @property
    def most_tokens(self) -> int | None:
        return None if self.suffix is not None else self.max_tokens

    @property
    def top(self) -> int | None:
        return self.logprobs

    @property
    def scores(self) -> bool:
        """Whether log-probabilities of the prompt are asked for."""
        return self.echo and self.logprobs is not None

    @property
    def writes(self) -> bool:
        """Whether anything is generated. Raises UnmaskError where nothing at all is asked for."""
        if self.max_tokens == 0 and not (self.scores and self.suffix is None):
            words = "max_tokens: 0 needs echo and logprobs: it asks how probable a prompt is."
            raise UnmaskError("validation", words, "max_tokens")
        return self.max_tokens != 0

    def prompts(self) -> list[Prompt]:
        """One for each text. Raises UnmaskError for none, for many, and for long ones."""
        given: Any = self.prompt
        one = isinstance(given, str) or (bool(given) and isinstance(given[0], int))
        found: list[str | list[int]] = [given] if one else given
        if not 1 <= len(found) <= MOST_CHOICES:
            raise UnmaskError("validation", f"Send 1 to {MOST_CHOICES} prompts.", "prompt")
        if any(not 1 <= len(prompt) <= LONGEST for prompt in found):
            words = f"A prompt has 1 to {LONGEST} characters or tokens."
            raise UnmaskError("validation", words, "prompt")
        return [self._prompt(prompt) for prompt in found]

    def _prompt(self, prompt: str | list[int]) -> Prompt:
        if not isinstance(prompt, str):
            return self._ids(prompt)
        if self.suffix is None:
            return Prompt(text=prompt)
        longest = self.max_tokens or LONGEST_GAP
        return Prompt(pieces=(prompt, self.suffix), gaps=(0,), longest_gap=longest)

    def _ids(self, ids: list[int]) -> Prompt:
        if self.suffix is not None:
            raise UnmaskError("validation", "A suffix needs a prompt that is a text.", "suffix")
        return Prompt(ids=tuple(ids))


class TextPart(Lax):
    type: Literal["text"]
    text: str = text("prompt", low=0)


class ChatMessage(Lax):
    """One turn; content may be a text or a list of parts that are texts."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart]
    name: str | None = Field(None, max_length=100)

    def turn(self) -> dict[str, str]:
        parts = self.content
        shown = parts if isinstance(parts, str) else "".join(part.text for part in parts)
        return {"role": "system" if self.role == "developer" else self.role, "content": shown}


class ChatRequest(Generating, NeutralChat):
    """`POST /v1/chat/completions`."""

    messages: list[ChatMessage] = Field(min_length=1, max_length=200)
    max_tokens: int | None = limited("gen_length", None)
    max_completion_tokens: int | None = limited("gen_length", None)
    logprobs: bool | None = None
    top_logprobs: int | None = Field(None, ge=0, le=MOST_TOP_LOGPROBS)

    @property
    def most_tokens(self) -> int | None:
        return self.max_completion_tokens or self.max_tokens

    @property
    def top(self) -> int | None:
        """Raises UnmaskError for alternatives of what is not asked for."""
        if self.top_logprobs is not None and not self.logprobs:
            raise UnmaskError("validation", "top_logprobs needs logprobs: true.", "top_logprobs")
        return (self.top_logprobs or 0) if self.logprobs else None

    def prompts(self) -> list[Prompt]:
        turns = tuple(message.turn() for message in self.messages)
        if sum(len(turn["content"]) for turn in turns) > LONGEST:
            raise UnmaskError("validation", "The messages are too long.", "messages")
        return [Prompt(messages=turns)]


Request = CompletionRequest | ChatRequest
Chunk = dict[str, Any]
