"""The text that a canvas holds behind its prompt, as lists and comparisons show it."""

from __future__ import annotations

from collections.abc import Iterator

from inference.engine.canvas import Canvas
from visualizer.models import Session
from visualizer.selectors.labels import labels_for
from visualizer.selectors.scores import ended

OPEN = " … "


def generated_text(session: Session, canvas: Canvas) -> str:
    """What was generated, up to the token that ends it; open places as dots.

    Whatever is special for the tokenizer ends a text, unless it begins it or edits the canvas.
    """
    labels = labels_for(session)
    kept = {session.mask_id, *session.model.edit_ids.values()}
    ends = set(labels.special) - kept
    tokens = [slot.token for slot in canvas.slots if not slot.prompt]
    written = _before_end(tokens, ends)
    return ended(labels.text(written, {session.mask_id: OPEN}))


def _before_end(tokens: list[int], ends: set[int]) -> Iterator[int]:
    begun = False
    for token in tokens:
        if token not in ends:
            begun = True
            yield token
        elif begun:
            return
