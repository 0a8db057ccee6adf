"""Leases with fencing numbers: who may write to a session, by the database's clock.

A lease that is not kept expires, and the next taker gets a higher fence; what the former holder
still tries to write is refused, because its fence no longer holds.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, close_old_connections, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from visualizer.models import Command, LabJob, Session

log = logging.getLogger(__name__)
Leased = type[Session] | type[LabJob]
LEASE = timedelta(seconds=15)
RENEW_SECONDS = 5.0
FORWARDS = 20
"""One piece of work may last as long as these: it makes several and waits for those of others."""


class LeaseLost(Exception):
    """Another worker holds the session now; whatever this one wanted to write is void."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write to a session (or a job of the Lab) while `fence` is its newest number."""

    session: UUID
    fence: int
    table: Leased = Session


def take(session_id: UUID | str, table: Leased = Session) -> Lease | None:
    """The row's lease with the next fence, or None while somebody else holds it."""
    with transaction.atomic():
        taken = table.objects.filter(Q(pk=session_id) & _free()).update(
            lease_fence=F("lease_fence") + 1, lease_expires=Now() + LEASE
        )
        if not taken:
            return None
        row = table.objects.values("pk", "lease_fence").get(pk=session_id)
        return Lease(row["pk"], row["lease_fence"], table)


def release(lease: Lease) -> None:
    """Give the lease back, if it is still held."""
    _held(lease).update(lease_expires=None)


def check(lease: Lease) -> None:
    """Inside a transaction: hold the session's row and refuse a former holder's writing."""
    if not _held(lease).update(lease_expires=Now() + LEASE):
        raise LeaseLost(f"fence {lease.fence} no longer holds")


def void_all() -> None:
    """End every lease. Fences keep this harmless even where a holder is still alive."""
    for table in (Session, LabJob):
        table.objects.exclude(lease_expires=None).update(lease_expires=None)
    Command.objects.exclude(lease_expires=None).update(lease_expires=Now() - LEASE)


def take_command(command_id: int) -> bool:
    """Whether this worker may execute a command that has no session."""
    rows = Command.objects.filter(Q(pk=command_id, state=Command.State.PENDING) & _free())
    return bool(rows.update(lease_expires=Now() + LEASE, attempts=F("attempts") + 1))


def patience() -> float:
    """The seconds after which work counts as hanging.

    The engine ends a load or a forward that overruns its own limit long before.
    """
    return float(settings.LOAD_TIMEOUT + FORWARDS * settings.STEP_TIMEOUT)


@contextmanager
def kept(lease: Lease | int) -> Iterator[None]:
    """Renew a lease (or a command's) in the background until the work is done.

    Work that hangs loses the lease in the end: somebody else goes on and this writer is refused.
    """
    done = threading.Event()
    thread = threading.Thread(target=_renew, args=(lease, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()


def _renew(lease: Lease | int, done: threading.Event) -> None:
    latest = time.monotonic() + patience()
    while not done.wait(RENEW_SECONDS) and time.monotonic() < latest:
        try:
            rows = Command.objects.filter(pk=lease) if isinstance(lease, int) else _held(lease)
            rows.update(lease_expires=Now() + LEASE)
        except DatabaseError:  # a busy database; the next renewal still comes in time
            log.warning("a lease could not be renewed", exc_info=True)
        finally:
            close_old_connections()


def _free() -> Q:
    return Q(lease_expires=None) | Q(lease_expires__lt=Now())


def _held(lease: Lease) -> QuerySet[Any]:
    return lease.table.objects.filter(pk=lease.session, lease_fence=lease.fence)
