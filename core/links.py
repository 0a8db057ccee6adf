"""Links that let others in without an account: what every app's own have in common."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any, TypeVar

from django.db import models, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from accounts.tokens import hash_of
from inference.errors import UnmaskError

MOST_LINKS = 50


class Link(models.Model):
    """A row for each link; the key itself is shown once and only its hash is kept.

    A subclass adds the foreign key of what the link opens.
    """

    name = models.CharField(max_length=100, blank=True, help_text="for whom or what it is")
    hash = models.CharField(max_length=64, unique=True)
    created = models.DateTimeField(auto_now_add=True)
    expires = models.DateTimeField(null=True, blank=True, help_text="empty: not by itself")
    revoked = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name or f"link {self.pk}"


Row = TypeVar("Row", bound=Link)


def unrevoked(rows: QuerySet[Row]) -> QuerySet[Row]:
    """Links that have not been revoked, expired ones among them, newest first."""
    return rows.filter(revoked=None)


def opening(rows: QuerySet[Row]) -> QuerySet[Row]:
    """Links that are neither revoked nor expired."""
    return unrevoked(rows).filter(Q(expires=None) | Q(expires__gt=Now()))


def of_token(rows: QuerySet[Row], token: str) -> QuerySet[Row]:
    """The one with this key, if any."""
    return rows.filter(hash=hash_of(token))


def closed() -> UnmaskError:
    """What a link says that opens nothing; whether it ever did is not told."""
    return UnmaskError(
        "not_found",
        "This link opens nothing: it was revoked, has expired, or is not complete. Ask whoever "
        "gave it to you for a new one.",
        "link",
    )


def one_of(rows: QuerySet[Row], id: int, what: str) -> Row:
    """An unrevoked link by its id. Raises not_found; `what`: the thing, as users call it."""
    link = unrevoked(rows).filter(pk=id).first()
    if link is None:
        raise UnmaskError("not_found", f"This {what} has no link {id}.", "link")
    return link


@transaction.atomic
def make(rows: QuerySet[Row], *, what: str, hours: int | None, **columns: Any) -> tuple[Row, str]:
    """A new link and its key. `rows`: those of the same thing; `hours`: how long it opens it.

    Raises UnmaskError (conflict) where there are MOST_LINKS already.
    """
    if unrevoked(rows).count() >= MOST_LINKS:
        raise UnmaskError("conflict", f"A {what} has at most {MOST_LINKS} links. Revoke one.")
    token = secrets.token_urlsafe(32)
    expires = timezone.now() + timedelta(hours=hours) if hours else None
    return rows.create(hash=hash_of(token), expires=expires, **columns), token


def revoke(link: Link) -> None:
    """From now on the link opens nothing; whoever looks through it is sent away."""
    rows: QuerySet[Any] = type(link)._default_manager.filter(pk=link.pk, revoked=None)
    rows.update(revoked=timezone.now())
