"""Who watches a training through a link. For anybody else there is none."""

from __future__ import annotations

from django.db.models import QuerySet

from core import links
from playground.training.models import Training, TrainingLink


def training_by_link(token: str) -> Training:
    """What a link shows. Raises not_found for revoked, expired and unknown ones alike."""
    rows = links.opening(TrainingLink.objects.filter(training__owner__is_active=True))
    rows = rows.select_related("training__stream", "training__model", "training__owner")
    link = links.of_token(rows, token).first()
    if link is None:
        raise links.closed()
    return link.training


def links_of(training: Training) -> QuerySet[TrainingLink]:
    """The links to an owned training that have not been revoked, newest first."""
    return links.unrevoked(TrainingLink.objects.filter(training=training))


def link_of(training: Training, id: int) -> TrainingLink:
    """A link to an owned training that has not been revoked. Raises not_found."""
    return links.one_of(TrainingLink.objects.filter(training=training), id, "training")
