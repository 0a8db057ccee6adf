"""A typed client for /api/diffusion in one file, with nothing but the standard library.

    client = Client("http://localhost:8000", token="unmask_…")
    print(client.generate(prompt="Once upon a time", max_new_tokens=32)["text"])
    for frame in client.stream(prompt="Once upon a time"):
        if frame["type"] == "step":
            print(frame["text"], end="", flush=True)

The types are those of /api/openapi.json; the project's tests hold them together.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal, NotRequired, TypedDict, Unpack
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

Value = bool | int | float | str | None


class Turn(TypedDict):
    role: Literal["system", "user", "assistant"]
    content: str


class Decoding(TypedDict, total=False):
    """How to decode; everything may be left out."""

    model: str | None
    max_new_tokens: int | None
    recipe: str | None
    parameters: dict[str, Value]
    steps: int | None
    tokens_per_step: int | None
    block_length: int | None
    temperature: float | None
    top_p: float | None
    top_k: int | None
    seed: int
    stop: list[str]
    auto_trim: bool | None
    fix_punctuation: bool | None
    timeout: float | None
    detach: bool
    history: bool


class GenerateRequest(Decoding, total=False):
    """`prompt` or `messages`."""

    prompt: str | None
    messages: list[Turn] | None
    special_tokens: bool


class InfillRequest(Decoding, total=False):
    """`prefix` and `suffix`, or a `text` with <gap>, or `pieces`."""

    prefix: str | None
    suffix: str | None
    text: str | None
    pieces: list[str] | None
    length: int | None
    lengths: list[int | None] | None


class Choices(TypedDict):
    """One of several texts."""

    kind: Literal["choices"]
    choices: list[str]


class YesNo(TypedDict):
    kind: Literal["yes_no"]
    yes: NotRequired[str]
    no: NotRequired[str]


class Scale(TypedDict):
    """Whole numbers from `low` to `high`."""

    kind: Literal["scale"]
    low: int
    high: int


Place = Choices | YesNo | Scale


class DecideRequest(TypedDict):
    """A `text` with <gap> at each place, and what may stand there."""

    text: str
    places: list[Place]
    model: NotRequired[str | None]
    temperature: NotRequired[float | None]
    calibration: NotRequired[str | None]
    timeout: NotRequired[float | None]
    request_id: NotRequired[str | None]


class Example(TypedDict):
    """A text whose gaps have known answers."""

    text: str
    labels: list[str]


class Calibrate(TypedDict):
    places: list[Place]
    examples: list[Example]
    model: NotRequired[str | None]
    name: NotRequired[str]
    request_id: NotRequired[str | None]


class Choice(TypedDict):
    text: str
    probability: float
    logprob: float


class PlaceAnswer(TypedDict):
    kind: str
    answer: str
    probability: float
    choices: list[Choice]
    expected: float | None


class Decision(TypedDict):
    places: list[PlaceAnswer]
    model: str
    temperature: float
    rows: int
    forwards: int


class CalibrationAnswer(TypedDict):
    id: str
    status: str
    made: int
    total: int
    error: dict[str, Any] | None
    name: str
    model: str
    places: list[dict[str, Any]]
    created: str
    finished: str | None
    results: dict[str, Any] | None
    url: str


class ModelAnswer(TypedDict):
    id: str
    label: str
    family: str
    kind: str
    state: str
    loaded: bool
    current: bool
    progress: float
    device: str
    context: int
    parameters: int
    bytes: int
    trained_on: str
    recipe: str | None
    finds_lengths: bool | None
    error: str


class LoadAnswer(TypedDict):
    success: bool
    seconds: float
    model: ModelAnswer


class Cancelled(TypedDict):
    run: str
    status: str
    url: str


class Completed(TypedDict):
    text: str
    history: list[str]
    generation_time: float
    model_used: str
    run: str
    url: str
    session_id: str | None
    finish_reason: str
    usage: dict[str, Any]
    correlation_id: str


class Infilled(Completed):
    gaps: list[str]
    full_text: str


class Operation(TypedDict):
    """`pos` counts at the moment when the operation acts."""

    op: Literal["commit", "edit", "remask", "insert", "delete", "lock", "unlock"]
    slot: int
    pos: int
    token: NotRequired[int]
    label: NotRequired[str]
    new: NotRequired[list[int]]


class StatusFrame(TypedDict):
    type: Literal["status"]
    message: str
    run: NotRequired[str]
    model_used: NotRequired[str]
    correlation_id: NotRequired[str]
    canvas: NotRequired[list[str]]
    mask: NotRequired[str]
    prompt_length: NotRequired[int]
    masked: NotRequired[int]
    text: NotRequired[str]


class StepFrame(TypedDict):
    type: Literal["step"]
    step: int
    text: str
    ops: list[Operation]
    masked: int


class CompleteFrame(TypedDict):
    type: Literal["complete"]
    text: str
    generation_time: float
    model_used: str
    run: str
    url: str
    session_id: str | None
    finish_reason: str
    usage: dict[str, Any]
    correlation_id: str
    gaps: NotRequired[list[str]]
    full_text: NotRequired[str]


Frame = StatusFrame | StepFrame | CompleteFrame


class UnmaskError(Exception):
    """A failure in the one shape; `retryable`: the same request may succeed later."""

    def __init__(self, shape: dict[str, Any], retry_after: int | None = None) -> None:
        super().__init__(shape["message"])
        self.message: str = shape["message"]
        self.error_type: str = shape["error_type"]
        self.retryable: bool = shape["retryable"]
        self.correlation_id: str = shape["correlation_id"]
        self.field: str | None = shape.get("field")
        self.retry_after = retry_after


class Client:
    """Asks one site, with somebody's personal token. Every method raises UnmaskError."""

    def __init__(self, site: str, token: str = "", timeout: float = 600.0) -> None:
        self._base = f"{site.rstrip('/')}/api/diffusion/"
        self._headers = {"Content-Type": "application/json"}
        self._timeout = timeout
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def models(self) -> list[ModelAnswer]:
        found: list[ModelAnswer] = self._ask("models")["models"]
        return found

    def current_model(self) -> ModelAnswer:
        found: ModelAnswer = self._ask("models/current")
        return found

    def load(self, id: str, device: Literal["auto", "cuda", "cpu"] = "auto") -> LoadAnswer:
        found: LoadAnswer = self._ask(f"models/{quote(id)}/load", {"device": device})
        return found

    def generate(self, **asked: Unpack[GenerateRequest]) -> Completed:
        found: Completed = self._ask("generate", asked)
        return found

    def infill(self, **asked: Unpack[InfillRequest]) -> Infilled:
        found: Infilled = self._ask("infill", asked)
        return found

    def stream(self, **asked: Unpack[GenerateRequest]) -> Iterator[Frame]:
        """Frames as they are made; the last one is complete."""
        return self._frames("generate/stream", asked)

    def stream_infill(self, **asked: Unpack[InfillRequest]) -> Iterator[Frame]:
        """Frames as they are made; the last one is complete."""
        return self._frames("infill/stream", asked)

    def cancel(self, run: str) -> Cancelled:
        found: Cancelled = self._ask(f"cancel/{quote(run)}", {})
        return found

    def decide(self, **asked: Unpack[DecideRequest]) -> Decision:
        """A distribution over given choices for each gap of a text."""
        found: Decision = self._ask("decide", asked)
        return found

    def calibrate(self, **asked: Unpack[Calibrate]) -> CalibrationAnswer:
        """Begin to fit a temperature; `calibration` tells how far it is."""
        found: CalibrationAnswer = self._ask("calibrations", asked)
        return found

    def calibration(self, id: str) -> CalibrationAnswer:
        found: CalibrationAnswer = self._ask(f"calibrations/{quote(id)}")
        return found

    def _open(self, path: str, body: Any, **headers: str) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(self._base + path, data, {**self._headers, **headers})
        try:
            return urlopen(request, timeout=self._timeout)
        except HTTPError as error:
            wait = error.headers.get("Retry-After")
            raise UnmaskError(json.load(error), int(wait) if wait else None) from None

    def _ask(self, path: str, body: Any = None) -> Any:
        with self._open(path, body) as answer:
            return json.load(answer)

    def _frames(self, path: str, body: Any) -> Iterator[Frame]:
        """Resumes once where the connection broke: no frame comes twice, none is missed."""
        last = ""
        for attempt in range(2):
            headers = {"Last-Event-ID": last} if last else {}
            try:
                with self._open(path, body, **headers) as answer:
                    for id, frame in _parsed(answer):
                        last = id or last
                        yield frame
                        if frame["type"] == "complete":
                            return
            except OSError:
                if attempt or not last:
                    raise


def _parsed(lines: Any) -> Iterator[tuple[str, Frame]]:
    """(id, frame) of each event. Raises UnmaskError for an error frame."""
    id = ""
    for raw in lines:
        line = raw.decode().rstrip("\r\n")
        if line.startswith("id: "):
            id = line.removeprefix("id: ")
        elif line.startswith("data: "):
            data = json.loads(line.removeprefix("data: "))
            if data["type"] == "error":
                raise UnmaskError(data)
            yield id, data
            id = ""
