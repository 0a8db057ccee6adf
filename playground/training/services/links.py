"""Links through which others may watch a training."""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts.tokens import hash_of
from inference.errors import UnmaskError
from playground.training.models import Training, TrainingLink
from playground.training.selectors.links import links_of

MOST_LINKS = 50


@transaction.atomic
def share(
    *, training: Training, name: str = "", hours: int | None = None
) -> tuple[TrainingLink, str]:
    """A new link and its token, which is not kept. `hours`: how long it opens the training.

    Raises UnmaskError (conflict) when there are MOST_LINKS already.
    """
    if links_of(training).count() >= MOST_LINKS:
        raise UnmaskError("conflict", f"A training has at most {MOST_LINKS} links. Revoke one.")
    token = secrets.token_urlsafe(32)
    expires = timezone.now() + timedelta(hours=hours) if hours else None
    link = TrainingLink.objects.create(
        training=training, name=name, hash=hash_of(token), expires=expires
    )
    return link, token


def unshare(*, link: TrainingLink) -> None:
    """From now on the link opens nothing; whoever watches through it is sent away."""
    TrainingLink.objects.filter(pk=link.pk, revoked=None).update(revoked=timezone.now())
