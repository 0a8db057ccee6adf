"""A whole generation, gathered from its events."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from core.generation.follow import ENDS, watch
from core.generation.seam import Generation
from inference.errors import UnmaskError
from inference.events import Event


@dataclass
class Collected:
    """A whole generation, gathered from its events."""

    text: str = ""
    drafts: int = 0
    done: dict[str, Any] | None = None
    error: dict[str, Any] | None = None

    def add(self, event: Event) -> None:
        payload = event.payload
        if event.type == "text":
            self.text += payload["text"]
        elif event.type == "snapshot":
            self.text = payload["text"]
        elif event.type == "draft":
            self.drafts += 1
        elif event.type in ENDS:
            setattr(self, event.type, payload)


async def collect(
    made: Generation, user: Any, seconds: float | None = None, detach: bool = False
) -> Collected:
    """Watch a generation to its end. Raises UnmaskError: its error, or timeout."""
    found = Collected()
    async with aclosing(watch(made, user, seconds=seconds, detach=detach)) as events:
        async for event in events:
            if event is not None:
                found.add(event)
    if found.error is not None:
        raise UnmaskError(
            found.error["error_type"], found.error["message"], found.error.get("field")
        )
    return found
