"""Staging a typed text: its tokens, one for each masked position from the chosen one on."""

from __future__ import annotations

from typing import Any

from core.worker.executor import Write
from inference.engine.canvas import Canvas
from inference.errors import UnmaskError
from inference.runtime.error_mapping import engine_errors
from visualizer.commands.requests import Request
from visualizer.models import Session
from visualizer.selectors import event_payloads, state_at
from visualizer.services.staging import stage
from visualizer.worker.session_model import model_of


def stage_text(request: Request) -> Write:
    """staged: the text's tokens lie beside the canvas as picks by hand."""
    session, message = request.session, request.message
    tokens = _tokens(session, message.text)

    def write() -> dict[str, Any]:
        places = _places(state_at(session), message.position, len(tokens))
        picks = dict(zip(places, tokens, strict=True))
        stage(session=session, picks=dict(picks), by="hand")
        return {"type": "staged", **event_payloads.staged_payload(session)}

    return write


def _tokens(session: Session, text: str) -> list[int]:
    """Ids of the text alone; special tokens that are written in it are characters."""
    tokenizer = model_of(session).tokenizer
    if tokenizer is None:
        raise UnmaskError("validation", "This model has no tokenizer.", "text")
    with engine_errors():
        return tokenizer.encode(text)


def _places(canvas: Canvas, first: int, count: int) -> list[int]:
    """`count` neighbouring positions. Raises UnmaskError if there are not so many masks."""
    places = list(range(first, first + count))
    masked = set(canvas.writable_positions)
    if any(place not in masked for place in places):
        free = next((n for n, place in enumerate(places) if place not in masked), 0)
        raise UnmaskError(
            "validation",
            f"The text has {count} tokens; {free} can be written from position {first} on.",
            "text",
        )
    return places
