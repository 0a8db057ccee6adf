"""Giving up the distributions of sessions that have lain untouched; their steps are never touched.

A thinned pass keeps its row and its summary, which says so wherever it is told: in events,
snapshots and records. Another forward pass over the same state brings the distribution back.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from inference.events import gathered, publish
from visualizer.models import Digest, Session, ShareLink
from visualizer.selectors import event_payloads
from visualizer.selectors.history import head_of, home_of
from visualizer.services.sessions import hold

SESSIONS = 20
"""So many at a time, that a worker's other timers do not wait for long."""
ROWS = 100


def thin_old(days: int) -> int:
    """Thin some of the sessions that nobody has changed for so many days; 0 days: none.

    Those with a marked branch, a note or a link that still opens them are left alone. Returns how
    many sessions were thinned.
    """
    if not days:
        return 0
    ids = list(_due(timedelta(days=days)).values_list("pk", flat=True)[:SESSIONS])
    return sum(_thin(pk, timedelta(days=days)) for pk in ids)


def _due(age: timedelta) -> QuerySet[Session]:
    links = ShareLink.objects.filter(revoked=None).filter(Q(expires=None) | Q(expires__gt=Now()))
    return (
        Session.objects.filter(updated__lt=Now() - age)
        .filter(Q(thinned=None) | Q(thinned__lt=F("updated")))
        .exclude(branches__marked=True)
        .exclude(branches__notes__isnull=False)
        .exclude(pk__in=links.values("session"))
        .order_by("updated")
    )


@transaction.atomic
def _thin(pk: UUID, age: timedelta) -> bool:
    """False if somebody has come back to the session meanwhile."""
    session = Session.objects.select_related("head_branch").get(pk=pk)
    hold(session)
    if not _due(age).filter(pk=pk).exists():
        return False
    with gathered():
        for row in _passes(session, age).defer("data").iterator(chunk_size=ROWS):
            row.data, row.summary = b"", {**row.summary, "thinned": True}
            row.save(update_fields=["data", "summary"])
            publish(session.stream_id, "forward", event_payloads.forward_payload(row))
    Session.objects.filter(pk=pk).update(thinned=Now())
    return True


def _passes(session: Session, age: timedelta) -> QuerySet[Digest]:
    """Those that are old and have a distribution, but for the one that the page opens with."""
    rows = Digest.objects.filter(branch__session=session, created__lt=Now() - age).exclude(data=b"")
    if session.head_branch_id is None:
        return rows
    head = home_of(session, head_of(session))
    return rows.exclude(branch=head.branch, number=head.number)
