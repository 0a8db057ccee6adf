"""The whole text of a generation's canvas after each of its steps."""

from __future__ import annotations

from uuid import UUID

from inference.engine.canvas import fold
from visualizer.models import Generation, Step
from visualizer.selectors.history import start_of
from visualizer.selectors.labels import labels_for

MOST_CHARACTERS = 4 * 2**20
"""Beyond it the earliest texts are left out."""


def canvas_texts(generation_id: UUID) -> list[str]:
    """Oldest first, masks shown by their label."""
    row = Generation.objects.select_related("session__model__vocabulary", "run").get(
        pk=generation_id
    )
    if row.session is None or row.run is None:
        return []
    labels, canvas = labels_for(row.session), start_of(row.session)
    texts = []
    steps = Step.objects.filter(run=row.run).order_by("number")
    for operations in steps.values_list("operations", flat=True):
        canvas = fold(canvas, [operations])
        texts.append(labels.text(canvas.tokens))
    return _newest(texts)


def _newest(texts: list[str]) -> list[str]:
    """As many of the last texts as fit."""
    total, kept = 0, 0
    for text in reversed(texts):
        total += len(text)
        if total > MOST_CHARACTERS:
            break
        kept += 1
    return texts[len(texts) - kept :]
