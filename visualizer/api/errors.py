"""Which failures a route may answer with, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from inference.errors import ERROR_TYPES
from visualizer.api.answers import ErrorAnswer

STATUSES = frozenset({413, 422} | {status for _, status, _ in ERROR_TYPES.values()})


def documented(answer: Any) -> dict[Any, Any]:
    """The answer of a route, and the one error shape for every status of a failure."""
    return {200: answer} | dict.fromkeys(sorted(STATUSES), ErrorAnswer)


def documented_stream() -> dict[Any, Any]:
    """Failures before the stream begins; `STREAM` documents the stream itself."""
    return dict.fromkeys(sorted(STATUSES), ErrorAnswer)


STREAM: dict[str, Any] = {
    "responses": {
        200: {
            "description": "server-sent events, one JSON frame in each `data:` line",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        204: {"description": "the stream has ended with the frame that you saw last"},
    },
    "parameters": [
        {
            "in": "header",
            "name": "Last-Event-ID",
            "schema": {"type": "string"},
            "required": False,
            "description": "the `id:` of the last frame that you saw",
        }
    ],
}
