"""Links through which others may watch a training."""

from __future__ import annotations

from core import links
from playground.training.models import Training, TrainingLink


def share(
    *, training: Training, name: str = "", hours: int | None = None
) -> tuple[TrainingLink, str]:
    """A new link and its token, which is not kept. `hours`: how long it opens the training.

    Raises UnmaskError (conflict) when there are core.links.MOST_LINKS already.
    """
    rows = TrainingLink.objects.filter(training=training)
    return links.make(rows, what="training", hours=hours, training=training, name=name)
