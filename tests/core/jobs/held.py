"""Leases of errands, as the tests of leases and of their renewals look at them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models.functions import Now

from core.jobs import leases
from core.jobs.leases import Lease
from tests.core.errands.models import Errand


class Failed(Exception):
    """The work came to nothing."""


def ends_in(row: Any) -> float | None:
    """Seconds until the row's lease ends, by the database's clock."""
    found = type(row)._default_manager.annotate(now=Now()).get(pk=row.pk)
    return (found.lease_expires - found.now).total_seconds() if found.lease_expires else None


def ended(row: Any) -> None:
    type(row)._default_manager.filter(pk=row.pk).update(lease_expires=Now() - timedelta(seconds=1))


def taken(errand: Errand) -> Lease:
    lease = leases.take(Errand, errand.pk)
    assert lease is not None
    return lease
