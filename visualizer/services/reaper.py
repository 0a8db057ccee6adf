"""The reaper reads the database, not the broker: nothing that was accepted is ever forgotten."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q
from django.db.models.functions import Length, Now

from visualizer.models import Command, LabJob, Run, Session
from visualizer.services import dispatch
from visualizer.services.runs import ACTIVE

PATIENCE = timedelta(seconds=3)
"""How long a task may take to reach a worker before it counts as lost."""
KEEP = timedelta(days=1)
KEEP_LARGE = timedelta(minutes=10)
LARGE = 64 * 1024
"""Characters from which a reply is a large one."""
BATCH = 100


def reap() -> int:
    """Send abandoned work again. Returns how many tasks were sent."""
    sessions, commands = abandoned_sessions(), abandoned_commands()
    for session_id in sessions:
        dispatch.send(dispatch.ADVANCE, session_id)
    for command_id in commands:
        dispatch.send(dispatch.EXECUTE, command_id)
    jobs = abandoned_jobs()
    for job_id in jobs:
        dispatch.send(dispatch.LAB, job_id)
    return len(sessions) + len(commands) + len(jobs)


def abandoned_sessions() -> list[str]:
    """Sessions with pending commands or an active run that no worker holds."""
    waiting = Command.objects.filter(
        state=Command.State.PENDING, session__isnull=False, created__lt=Now() - PATIENCE
    )
    running = Run.objects.filter(status__in=ACTIVE)
    work = Q(pk__in=waiting.values("session")) | Q(pk__in=running.values("session"))
    rows = Session.objects.filter(work & _free()).values_list("pk", flat=True)
    return [str(id) for id in rows.order_by("updated")[:BATCH]]


def abandoned_commands() -> list[int]:
    """Pending commands without a session whose task was lost or whose worker died."""
    rows = Command.objects.filter(
        Q(lease_expires=None, created__lt=Now() - PATIENCE) | Q(lease_expires__lt=Now()),
        state=Command.State.PENDING,
        session=None,
    )
    return list(rows.values_list("pk", flat=True)[:BATCH])


def abandoned_jobs() -> list[str]:
    """Jobs of the Lab that no worker holds."""
    rows = LabJob.objects.filter(_free(), status__in=LabJob.ACTIVE)
    return [str(id) for id in rows.values_list("pk", flat=True).order_by("updated")[:BATCH]]


def _free() -> Q:
    return Q(lease_expires=None) | Q(lease_expires__lt=Now())


def forget_answers() -> int:
    """Delete old commands, large answers sooner; what they did are steps, which stay."""
    large = Q(finished__lt=Now() - KEEP_LARGE, size__gt=LARGE)
    old = Command.objects.annotate(size=Length("reply")).filter(
        Q(finished__lt=Now() - KEEP) | large
    )
    ids = list(old.values_list("pk", flat=True)[: 10 * BATCH])
    return Command.objects.filter(pk__in=ids).delete()[0]
