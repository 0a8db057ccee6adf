"""The executor: takes a row's lease, carries out its pending commands in order, then one slice.

A command is carried out in two halves: the handler computes and may take its time; what it returns
writes everything in one transaction that holds only while the lease does.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.db.models import F

from core.commands import lifecycle
from core.commands.table import CommandSpec, CommandTable
from core.commands.validation import spec_of, validate
from core.jobs import dispatch, leases
from core.jobs.leases import Lease, LeaseLost, fenced
from core.jobs.models import CommandRow, Leased
from core.jobs.renewals import renewed
from inference.errors import UnmaskError, correlation_id, internal_error
from inference.events import gathered
from inference.runtime.error_mapping import engine_errors

log = logging.getLogger(__name__)
ATTEMPTS = 3
Write = Callable[[], dict[str, Any]]
"""The second half of a handler: runs inside the transaction and returns the reply."""
Slice = Callable[[Lease], None]


def advance(
    model: type[Leased], pk: Any, work_slice: Slice, table: CommandTable | None = None
) -> None:
    """Do what there is to do for a row, unless another worker is at it already.

    Whoever holds the lease looks again after releasing it, so that nothing that came in meanwhile
    is left lying.
    """
    lease = leases.take(model, pk)
    if lease is None:
        return
    try:
        if table is not None:
            carry_out_pending(table, lease)
        work_slice(lease)
    except LeaseLost:
        log.warning("%s %s was taken over by another worker", model.__name__, pk)
        return
    finally:
        leases.release(lease)
    if model.with_work().filter(pk=pk).exists():
        dispatch.send(model.TASK, str(pk))


def carry_out_pending(table: CommandTable, lease: Lease) -> None:
    """Carry out the target's pending commands in the order in which they came."""
    while (command := _next(table, lease)) is not None:
        carry_out(table, command, lease)


def _next(table: CommandTable, lease: Lease) -> CommandRow | None:
    wanted = {table.model.TARGET: lease.row, "state": CommandRow.State.PENDING}
    pending = table.model._default_manager.filter(**wanted)
    return pending.select_related("user").order_by("id").first()


def execute(table: CommandTable, pk: int) -> None:
    """Carry out a command that has no target."""
    if leases.take_command(table.model, pk):
        row = table.model._default_manager.select_related("user").get(pk=pk)
        carry_out(table, row, None)


def carry_out(table: CommandTable, command: CommandRow, lease: Lease | None) -> None:
    """Compute, write and answer; whatever is raised becomes the answer, an exit too.

    Raises LeaseLost when somebody else has taken the target over.
    """
    token = correlation_id.set(command.correlation_id)
    try:
        spec = spec_of(table, command.message)
        _attempt(table, spec, command, lease)
    except LeaseLost:
        raise
    except UnmaskError as error:
        _fail(table, command, lease, error)
    except BaseException:  # an exit in a task must not end the thread that works it
        log.exception("command %s failed", command.type)
        _fail(table, command, lease, internal_error())
    finally:
        correlation_id.reset(token)


def _attempt(
    table: CommandTable, spec: CommandSpec, command: CommandRow, lease: Lease | None
) -> None:
    _count(command, lease)
    _, message = validate(table, command.message)
    target = table.load_target(command)
    request = table.request(command.user, target, message, command)
    with renewed(lease or command), engine_errors():
        write: Write = spec.load_handler()(request)
    with fenced(lease), gathered():
        if lease is not None:
            table.lock_target(target)
        with table.writing(request):
            reply = write()
        lifecycle.finish(spec, command=command, reply=reply)


def _count(command: CommandRow, lease: Lease | None) -> None:
    """A command that has ended its worker again and again is given up."""
    if lease is not None:
        found = type(command)._default_manager.filter(pk=command.pk)
        found.update(attempts=F("attempts") + 1)
    if command.attempts >= ATTEMPTS:
        raise UnmaskError("generation", "This command ended its worker several times; it is void.")


def _fail(
    table: CommandTable, command: CommandRow, lease: Lease | None, error: UnmaskError
) -> None:
    spec = table.get(command.type) or next(iter(table.values()))
    try:
        with fenced(lease):
            lifecycle.finish_failed(spec, command=command, error=error)
    except UnmaskError:
        log.info("command %s was answered by somebody else", command.type)
