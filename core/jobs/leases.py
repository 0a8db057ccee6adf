"""Leases with fencing numbers: who may write to a row, by the database's clock.

A lease that is not renewed expires, and the next taker gets a higher fence; what the former holder
still tries to write is refused, because its fence no longer holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from core.jobs.models import CommandRow, Leased

LEASE = timedelta(seconds=9)


class LeaseLost(Exception):
    """Another worker holds the row now; whatever this one wanted to write is void."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write to a row of `model` while `fence` is the row's newest number."""

    model: type[Leased]
    row: Any
    fence: int

    @property
    def held(self) -> QuerySet[Any]:
        """The row, if the lease still holds; else no row."""
        return self.model._default_manager.filter(pk=self.row, lease_fence=self.fence)


def leased_models() -> list[type[Leased]]:
    """All concrete subclasses of Leased, whatever app they are in."""
    return [model for model in apps.get_models() if issubclass(model, Leased)]


def command_models() -> list[type[CommandRow]]:
    """All concrete tables of commands."""
    return [model for model in apps.get_models() if issubclass(model, CommandRow)]


def take(model: type[Leased], pk: Any) -> Lease | None:
    """The row's lease with the next fence, or None while somebody else holds it."""
    rows = model._default_manager
    with transaction.atomic():
        taken = rows.filter(Q(pk=pk) & expired()).update(
            lease_fence=F("lease_fence") + 1, lease_expires=Now() + LEASE
        )
        if not taken:
            return None
        row = rows.values("pk", "lease_fence").get(pk=pk)
        return Lease(model, row["pk"], row["lease_fence"])


def release(lease: Lease) -> None:
    """Give the lease back, if it is still held."""
    lease.held.update(lease_expires=None)


def check(lease: Lease) -> None:
    """Inside a transaction: hold the row and refuse a former holder's writing."""
    if not lease.held.update(lease_expires=Now() + LEASE):
        raise LeaseLost(f"fence {lease.fence} no longer holds")


EXPIRY = {
    "sqlite": "STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'NOW', %s)",
    "postgresql": "STATEMENT_TIMESTAMP() + %s::interval",
}
"""By a database's vendor: SQL of the moment at which a lease ends that is renewed now."""


def expiry() -> str:
    """What EXPIRY takes."""
    return f"+{LEASE.total_seconds():.3f} seconds"


@contextmanager
def fenced(lease: Lease | None) -> Iterator[None]:
    """One transaction that holds only while the lease does. Raises LeaseLost.

    None: for a command without a target, whose row answers once anyway.
    """
    with transaction.atomic():
        if lease is not None:
            check(lease)
        yield


def take_command(model: type[CommandRow], pk: int) -> bool:
    """Whether this worker may carry out a command that has no target."""
    rows = model._default_manager.filter(Q(pk=pk, state=CommandRow.State.PENDING) & expired())
    return bool(rows.update(lease_expires=Now() + LEASE, attempts=F("attempts") + 1))


def void_all() -> None:
    """End every lease. Fences keep this harmless even where a holder is still alive."""
    for leased in leased_models():
        leased._default_manager.exclude(lease_expires=None).update(lease_expires=None)
    for commands in command_models():
        rows = commands._default_manager.exclude(lease_expires=None)
        rows.update(lease_expires=Now() - LEASE)


def expired() -> Q:
    """Rows that nobody holds."""
    return Q(lease_expires=None) | Q(lease_expires__lt=Now())
