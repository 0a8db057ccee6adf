"""Rows of a session as records read them: in chunks, so that a long one is never held whole."""

from __future__ import annotations

from django.db.models import QuerySet

from visualizer.models import Branch, Step

CHUNK = 200


def steps_of(branch: Branch) -> QuerySet[Step]:
    """The branch's own steps with their runs, oldest first."""
    return Step.objects.filter(branch=branch).select_related("run")
