"""A session's turn: lease, pending commands in order, one slice of a run, release."""

from __future__ import annotations

import logging
from uuid import UUID

from visualizer.models import Command
from visualizer.services import dispatch, leases
from visualizer.services.leases import Lease, LeaseLost
from visualizer.services.runs import has_work
from visualizer.worker.jobs import carry_out
from visualizer.worker.slices import work_slice

log = logging.getLogger(__name__)


def advance(session_id: UUID | str) -> None:
    """Do what there is to do for a session, unless another worker is at it already.

    Whoever holds the lease looks again after releasing it, so that nothing that came in meanwhile
    is left lying.
    """
    lease = leases.take(session_id)
    if lease is None:
        return
    try:
        work_commands(lease)
        work_slice(lease)
    except LeaseLost:
        log.warning("session %s was taken over by another worker", session_id)
        return
    finally:
        leases.release(lease)
    if has_work(session_id):
        dispatch.send(dispatch.ADVANCE, str(session_id))


def work_commands(lease: Lease) -> None:
    """Carry out the session's pending commands in the order in which they came."""
    while (command := _next(lease)) is not None:
        carry_out(command, lease)


def _next(lease: Lease) -> Command | None:
    pending = Command.objects.filter(session=lease.session, state=Command.State.PENDING)
    return pending.select_related("user").order_by("id").first()


def execute(command_id: int) -> None:
    """Carry out a command that belongs to no session yet."""
    if leases.take_command(command_id):
        carry_out(Command.objects.select_related("user").get(pk=command_id), None)
