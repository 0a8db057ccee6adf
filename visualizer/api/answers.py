"""What `/api/diffusion` answers."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field


class ErrorAnswer(BaseModel):
    """The one error shape."""

    type: str
    message: str
    error_type: str
    retryable: bool
    correlation_id: str
    field: str | None = None


class ModelAnswer(BaseModel):
    """A diffusion model of the site's list."""

    id: str
    label: str
    family: str
    kind: str
    state: str = Field(description="absent, available, loading, loaded or failed")
    loaded: bool
    current: bool = Field(description="yours: used where a request names none")
    progress: float = Field(description="of loading, 0 to 1")
    device: str
    context: int = Field(description="tokens; 0 until it was loaded once")
    parameters: int
    bytes: int = Field(description="of the weight files; 0 until it was loaded once")
    trained_on: str
    recipe: str | None = Field(description="how it is decoded unless a request says otherwise")
    finds_lengths: bool | None = Field(description="whether it finds the length of a gap itself")
    error: str = Field(description="last failure or warning, in plain words")


class ModelList(BaseModel):
    models: list[ModelAnswer]


class LoadAnswer(BaseModel):
    """A model that is in a worker's memory."""

    success: bool
    seconds: float
    model: ModelAnswer


class UnloadAnswer(BaseModel):
    success: bool
    model: ModelAnswer


class Completed(BaseModel):
    """A finished generation: a session of yours, whose every step can be opened at `url`."""

    text: str = Field(description="what was generated")
    history: list[str] = Field(description="the whole text after each step, masks shown")
    generation_time: float = Field(description="seconds from the request to the last token")
    model_used: str
    run: str
    url: str
    session_id: str | None
    finish_reason: str = Field(description="stop, length or cancelled")
    usage: dict[str, Any] = Field(description="tokens of prompt and completion, steps")
    correlation_id: str


class Infilled(Completed):
    """The same for gaps; `text` reaches from the first gap to the last one."""

    gaps: list[str] = Field(description="the text of each gap")
    full_text: str = Field(description="all pieces and gaps")


class BatchAnswer(BaseModel):
    """A result or an error for each request, in their order."""

    results: list[Completed | ErrorAnswer]


class BatchInfilled(BaseModel):
    """A result or an error for each request, in their order."""

    results: list[Infilled | ErrorAnswer]


class Cancelled(BaseModel):
    """The run ends after the step in the making; what was made stays."""

    run: str
    status: str = "cancelling"
    url: str


class ServiceConfig(BaseModel):
    """What the service offers, and what holds where a request says nothing."""

    enabled: bool
    default_model: str | None
    devices: list[str]
    defaults: dict[str, Any]
    limits: dict[str, dict[str, Any]]
    recipes: list[dict[str, Any]]
    stream_rate: str
    heartbeat_seconds: float


class CacheStats(BaseModel):
    """The workers' caches of logits; bytes."""

    workers: list[dict[str, Any]]
    hits: int
    misses: int
    hit_rate: float | None
    bytes: int
    budget: int


class ServiceMetrics(BaseModel):
    """Your generations by status, and their durations in seconds by model."""

    generations: dict[str, int]
    durations: list[dict[str, Any]]
    streams: list[dict[str, Any]] = Field(description="by model and route")
    workers: int


class Health(BaseModel):
    """Every part that a generation needs: ok, or what is wrong with it."""

    status: str
    parts: dict[str, str]
    workers: list[dict[str, Any]]
    correlation_id: str


class Choice(BaseModel):
    text: str
    probability: float = Field(description="among the choices, 0 to 1, at the temperature")
    logprob: float = Field(description="joint log-probability of its tokens, nats, temperature 1")


class PlaceAnswer(BaseModel):
    kind: str
    answer: str = Field(description="the most probable choice")
    probability: float
    choices: list[Choice] = Field(description="in the order of the request")
    expected: float | None = Field(None, description="of a scale: the mean of its numbers")


class Decision(BaseModel):
    """A distribution over the choices of each place.

    A choice of several tokens has the joint likelihood of its tokens, given how many they are.
    """

    places: list[PlaceAnswer]
    model: str
    temperature: float
    rows: int = Field(description="sequences that were needed; 1 where all choices are one token")
    forwards: int = Field(description="forward passes, each over many rows")


class CalibrationAnswer(BaseModel):
    """A calibration; `results` has `temperature`, `count`, `accuracy`, `before` and `after`, each
    with `error` (expected calibration error), `loss` (nats) and the `bins` of the diagram.
    """

    id: str
    status: str
    made: int
    total: int
    error: ErrorAnswer | None
    name: str
    model: str
    places: list[dict[str, Any]]
    created: str
    finished: str | None
    results: dict[str, Any] | None
    url: str = Field(description="the page with the reliability diagram")


class CalibrationDeleted(BaseModel):
    """`deleted`: the id of the calibration that was forgotten."""

    deleted: str


class CalibrationList(BaseModel):
    calibrations: list[CalibrationAnswer]
