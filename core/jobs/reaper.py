"""The reaper reads the database, not the broker: nothing that was accepted is ever forgotten."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import Any

from django.apps import apps
from django.db.models import Q
from django.db.models.functions import Length, Now

from core.jobs import dispatch
from core.jobs.leases import command_models, expired, leased_models
from core.jobs.models import CommandRow
from inference.models import StreamEvent
from inference.statements import Select

PATIENCE = timedelta(seconds=3)
"""How long a task may take to reach a worker before it counts as lost."""
KEEP = timedelta(days=1)
KEEP_LARGE = timedelta(minutes=10)
LARGE = 64 * 1024
"""Characters from which a reply is a large one."""
BATCH = 100


def reap() -> int:
    """Send abandoned work again. Returns how many tasks were sent."""
    found: list[tuple[str, Any]]
    found = [task for model in leased_models() for task in abandoned_rows(model)]
    found += [task for model in command_models() for task in abandoned_commands(model)]
    for task, argument in found:
        dispatch.send(task, argument)
    return len(found)


def abandoned_rows(model: Any) -> list[tuple[str, str]]:
    """(task, key) of rows with work that no worker holds."""
    key = model._meta.pk.to_python
    return [(model.TASK, str(key(pk))) for (pk,) in _rows(model)()]


@cache
def _rows(model: Any) -> Select:
    return Select(model.with_work(PATIENCE).filter(expired()).values_list("pk")[:BATCH])


def abandoned_commands(model: type[CommandRow]) -> list[tuple[str, int]]:
    """(task, key) of commands without a target whose task was lost or whose worker died."""
    return [(model.TASK, pk) for (pk,) in _commands(model)()]


@cache
def _commands(model: type[CommandRow]) -> Select:
    rows = model._default_manager.filter(
        Q(lease_expires=None, created__lt=Now() - PATIENCE) | Q(lease_expires__lt=Now()),
        **{"state": CommandRow.State.PENDING, model.TARGET: None},
    )
    return Select(rows.values_list("pk")[:BATCH])


def prune_events() -> int:
    """Delete events that are older than their kind of stream keeps them.

    A model with a stream says how long (EVENTS_KEPT); a client that comes back later is sent a
    snapshot. Returns how many were deleted, BATCH times ten a kind at most.
    """
    kinds = [model for model in apps.get_models() if hasattr(model, "EVENTS_KEPT")]
    return sum(_prune(model) for model in kinds)


def _prune(model: Any) -> int:
    old = StreamEvent.objects.filter(
        created__lt=Now() - model.EVENTS_KEPT, stream__in=model._default_manager.values("stream")
    )
    ids = list(old.values_list("pk", flat=True)[: 10 * BATCH])
    return StreamEvent.objects.filter(pk__in=ids).delete()[0]


def forget_answers() -> int:
    """Delete old commands, large answers sooner; what they did are steps, which stay."""
    return sum(_forget(model) for model in command_models())


def _forget(model: type[CommandRow]) -> int:
    large = Q(finished__lt=Now() - KEEP_LARGE, size__gt=LARGE)
    old = model._default_manager.annotate(size=Length("reply")).filter(
        Q(finished__lt=Now() - KEEP) | large
    )
    ids = list(old.values_list("pk", flat=True)[: 10 * BATCH])
    return model._default_manager.filter(pk__in=ids).delete()[0]
