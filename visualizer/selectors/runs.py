"""Runs of a session: which one is at work, and what is told of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from visualizer.models import Run, Session
from visualizer.selectors.event_payloads import run_payload


def active_run(session: Session) -> Run | None:
    """The run that is being worked, or the first of those that wait for a worker."""
    rows = Run.objects.filter(session=session, status__in=Run.ACTIVE).select_related("branch")
    return rows.order_by("id").first()


def front_run(session: Session) -> Run | None:
    """The active run; when none is, the newest. The last run event tells of the same one."""
    return active_run(session) or Run.objects.filter(session=session).order_by("id").last()


def runs_of(session: Session, branches: Iterable[int]) -> dict[int, dict[str, Any]]:
    """Branch → its newest run as events tell of it; branches without a run are left out."""
    rows = Run.objects.filter(session=session, branch__in=list(branches)).order_by("id")
    return {run.branch_id: run_payload(run) or {} for run in rows}
