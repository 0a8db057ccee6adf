"""What is worked before a command that no worker has taken up yet."""

from __future__ import annotations

from visualizer.models import Command, LabJob, Run


def before(command_id: int) -> int:
    """Sessions and jobs of anybody's that are at work or were asked for earlier."""
    own = Command.objects.values_list("session", flat=True).filter(pk=command_id).first()
    earlier = Command.objects.filter(state=Command.State.PENDING, pk__lt=command_id)
    running = Run.objects.filter(status__in=Run.ACTIVE)
    sessions = {*earlier.values_list("session", flat=True)}
    sessions |= {*running.values_list("session", flat=True)}
    alone = earlier.filter(session=None).count()
    jobs = LabJob.objects.filter(status__in=LabJob.ACTIVE).count()
    return len(sessions - {own, None}) + alone + jobs
