"""The queue of work: what is done before a command or a run that waits."""

from __future__ import annotations

from visualizer.models import Command, LabJob, Run


def ahead_of_command(command_id: int) -> int:
    """Sessions and jobs of anybody's that are at work or were asked for earlier."""
    own = Command.objects.values_list("session", flat=True).filter(pk=command_id).first()
    earlier = Command.objects.filter(state=Command.State.PENDING, pk__lt=command_id)
    running = Run.objects.filter(status__in=Run.ACTIVE)
    sessions = {*earlier.values_list("session", flat=True)}
    sessions |= {*running.values_list("session", flat=True)}
    alone = earlier.filter(session=None).count()
    jobs = LabJob.objects.filter(status__in=LabJob.ACTIVE).count()
    return len(sessions - {own, None}) + alone + jobs


def ahead_of_run(run_id: int) -> int:
    """Runs of anybody's that wait or are at work and were asked for earlier."""
    return Run.objects.filter(status__in=Run.ACTIVE, pk__lt=run_id).count()
