"""Who watches a training through a link. For anybody else there is none."""

from __future__ import annotations

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from accounts.tokens import hash_of
from inference.errors import UnmaskError
from playground.training.models import Training, TrainingLink
from playground.training.selectors.trainings import no_training


def training_by_link(token: str) -> Training:
    """What a link shows. Raises not_found for revoked, expired and unknown ones alike."""
    fresh = Q(expires=None) | Q(expires__gt=Now())
    rows = TrainingLink.objects.filter(fresh, revoked=None, training__owner__is_active=True)
    rows = rows.select_related("training__stream", "training__model", "training__owner")
    link = rows.filter(hash=hash_of(token)).first()
    if link is None:
        raise no_training()
    return link.training


def links_of(training: Training) -> QuerySet[TrainingLink]:
    """The links to an owned training that have not been revoked, newest first."""
    return TrainingLink.objects.filter(training=training, revoked=None)


def link_of(training: Training, id: int) -> TrainingLink:
    """A link to an owned training that has not been revoked. Raises not_found."""
    link = links_of(training).filter(pk=id).first()
    if link is None:
        raise UnmaskError("not_found", f"This training has no link {id}.", "link")
    return link
