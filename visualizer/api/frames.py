"""Events of a generation → frames of the seed: status, step, complete, error.

The texts of all step frames join to the text of the complete frame. A step's text is what the
settled text grew by; `ops` and the first status frame's `canvas` carry the whole truth.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

from core.generation import Generation
from core.http.sse import Frame
from inference.errors import correlation_id
from inference.events import Event
from visualizer.api.text_filters import TextFilter

Data = dict[str, Any]


class FrameWriter:
    """Turns the events of one generation, in order, into frames."""

    def __init__(self, made: Generation, text_filter: TextFilter) -> None:
        self._made, self._filter = made, text_filter
        self._grown = ""
        self._fed = 0  # characters of the text that the filter has had
        self._step = 0

    def first(self, message: str) -> Frame:
        """Sent before anything is known: who waits sees that it has begun."""
        run = str(self._made.id)
        told = {"run": run, "model_used": self._made.model, "correlation_id": correlation_id.get()}
        return Frame({"type": "status", "message": message, **told}, self._name(0))

    def frames(self, event: Event) -> list[Frame]:
        """What an event becomes; the last frame's id is the event's number."""
        made = _WRITE[event.type](self, event.payload)
        return [Frame(data, self._name(event.number) if data is made[-1] else "") for data in made]

    def _name(self, number: int) -> str:
        return f"{self._made.id}:{number}"

    def _text(self, payload: Data) -> list[Data]:
        """Kept for the frame of its step, which follows in the same breath."""
        self._fed += len(payload["text"])
        self._grown += self._filter.feed(payload["text"])
        return []

    def _draft(self, payload: Data) -> list[Data]:
        self._step = payload["step"]
        if "canvas" in payload:
            names = ("canvas", "mask", "prompt_length", "masked")
            shown = {name: payload[name] for name in names}
            return [{"type": "status", "message": "Denoising...", **shown}]
        return [self._step_frame(ops=payload["ops"], masked=payload["masked"])]

    def _step_frame(self, **truth: Any) -> Data:
        text, self._grown = self._grown, ""
        return {"type": "step", "step": self._step, "text": text, **truth}

    def _done(self, payload: Data) -> list[Data]:
        self._grown += self._filter.close()
        rest = [self._step_frame(ops=[], masked=0)] if self._grown else []
        return [*rest, {"type": "complete", **completed(self._made, payload, self._filter)}]

    def _error(self, payload: Data) -> list[Data]:
        return [{"type": "error"} | payload]

    def _snapshot(self, payload: Data) -> list[Data]:
        """For who comes after the events were pruned: the text so far that was not told yet."""
        fresh = self._filter.feed(payload["text"][self._fed :])
        self._fed = max(self._fed, len(payload["text"]))
        return [{"type": "status", "message": "Resumed.", "text": fresh}]


_WRITE: dict[str, Callable[[FrameWriter, Data], list[Data]]] = {
    "text": FrameWriter._text,
    "draft": FrameWriter._draft,
    "done": FrameWriter._done,
    "error": FrameWriter._error,
    "snapshot": FrameWriter._snapshot,
}


def completed(made: Generation, done: Data, text_filter: TextFilter) -> Data:
    """What is told of a finished generation, in a frame or as an answer."""
    usage = dict(done["usage"])
    infilled = {name: usage.pop(name) for name in ("gaps", "full_text") if name in usage}
    return {
        "text": text_filter.whole(done["text"]),
        "generation_time": done["seconds"],
        "model_used": made.model,
        "run": str(made.id),
        "url": done["url"],
        "session_id": done["session_id"],
        "finish_reason": done["finish_reason"],
        "usage": usage,
        "correlation_id": correlation_id.get(),
        **infilled,
    }


async def written(
    writer: FrameWriter,
    events: AsyncGenerator[Event | None],
    message: str,
    after: int | None = None,
) -> AsyncGenerator[Frame | None]:
    """All frames of a generation; those of events up to number `after` are not sent again.

    They are made all the same, because what a text grows by depends on what stood before.
    """
    if after is None:
        yield writer.first(message)
    async with aclosing(events):
        async for event in events:
            if event is None:
                yield None
                continue
            for frame in writer.frames(event):
                if after is None or event.number > after:
                    yield frame
