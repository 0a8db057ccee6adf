"""What a list shows of a session: the text as it stands, and the order in which it was written."""

from __future__ import annotations

from typing import NamedTuple

from visualizer.models import Session
from visualizer.selectors.generated_text import generated_text
from visualizer.selectors.history import head_of
from visualizer.selectors.measures import history_of

LONGEST = 256
"""Canvases with more places have no preview: a page of them would take too long."""
BARS = 64
SHADES = 6


class Preview(NamedTuple):
    """The head's text after the prompt, and one shade 0 to 5 per strip (None: open), by step."""

    text: str
    strip: list[int | None]


def preview_of(session: Session) -> Preview | None:
    """None for long canvases and for those in which nothing is written yet."""
    if session.gen_length + len(session.prompt_ids) > LONGEST or not session.head_number:
        return None
    history = history_of(session, head_of(session))
    places = [slot for slot in history.canvas.slots if not slot.prompt]
    last = max(1, history.ref.number)
    steps = [history.commits[s.id].step if s.id in history.commits else None for s in places]
    every = max(1, -(-len(steps) // BARS))
    strip = [None if at is None else (at - 1) * SHADES // last for at in steps[::every]]
    return Preview(" ".join(generated_text(session, history.canvas).split()), strip)
