"""The allow-list of models: what is shipped, what lies in MODELS_DIR, what is known by name.

Web-safe: reads two small JSON files per directory and imports no tensor library. A path that a
user sends is only ever compared with the rows of this list; it never reaches the file system.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from inference import packages
from inference.errors import UnmaskError
from inference.known_models import KNOWN
from inference.model_locations import absence
from inference.model_scan import Found, scan_models
from inference.models import ModelEntry, WorkerBeat

BEAT_SECONDS = 15
"""A worker that has not written its row for this long counts as gone."""
DEAF_SECONDS = 30
"""A worker that has begun no task for this long takes none: it probes itself more often."""

ROOMY = 128
"""Tokens of context that the examples of the protocol need."""

State = ModelEntry.State


def sync_models() -> list[ModelEntry]:
    """Bring the rows in line with the directories. Returns the models on this machine."""
    with transaction.atomic():
        models = {model.slug: model for model in scan_models()}.values()
        entries = [_store(model) for model in models if model.missing is None]
        for model in models:
            if model.missing is not None:
                _store_absent(model)
        _store_known({entry.slug for entry in entries})
        gone = _local().exclude(slug__in=[entry.slug for entry in entries])
        gone.update(state=State.ABSENT, is_default=False)
        _choose_default(entries)
    return list(ModelEntry.objects.exclude(state=State.ABSENT))


def _local() -> QuerySet[ModelEntry]:
    """Rows of models whose files lie on this site's machines; those of servers elsewhere aside."""
    rows: QuerySet[ModelEntry] = ModelEntry.objects.exclude(kind=ModelEntry.Kind.REMOTE)
    return rows


def resolve(slug: str, user: Any = None, field: str = "model") -> ModelEntry:
    """The model of this name: the site's, or the user's own. `field`: that it was named in.

    Raises UnmaskError: not_found when it is unknown or another's, model_unavailable when its
    files are not here.
    """
    rows = ModelEntry.visible_to(user).filter(slug=slug)
    entry = rows.first() if "\0" not in slug else None
    if entry is None:
        raise UnmaskError("not_found", _unknown(), field)
    if entry.state == State.ABSENT:
        raise UnmaskError("model_unavailable", absence(entry), field)
    return entry


def default_model() -> ModelEntry:
    """The model that is loaded first. Raises UnmaskError when there is none."""
    entry: ModelEntry | None = ModelEntry.objects.filter(is_default=True).first()
    if entry is None:
        raise UnmaskError("model_unavailable", "No model is installed. Add one to MODELS_DIR.")
    return entry


def cancel_load(slug: str) -> bool:
    """Ask whoever loads this model to give up; answers whether it is being loaded."""
    rows = ModelEntry.every.filter(slug=slug, state=State.LOADING)
    return bool(rows.update(cancel_requested=True))


def request_unload(slug: str) -> None:
    """Ask all workers that hold this model to give it up; each looks every second."""
    ModelEntry.every.filter(slug=slug, state=State.LOADED).update(cancel_requested=True)


def is_held(slug: str) -> bool:
    """Whether a worker that is alive says that it holds this model."""
    return any(slug in beat.loaded for beat in living_workers())


def living_workers() -> list[WorkerBeat]:
    """The workers that wrote their row lately."""
    recent = WorkerBeat.objects.filter(seen__gte=Now() - timedelta(seconds=BEAT_SECONDS))
    return list(recent.order_by("name"))


def takes_tasks(worker: WorkerBeat) -> bool:
    """Whether a living worker began a task lately; it sends itself one when there is no other."""
    return float(worker.metrics.get("tasks", {}).get("idle_seconds", 0)) < DEAF_SECONDS


def refresh_states() -> None:
    """Models that no living worker holds are on disk only, whatever a dead one left behind.

    A row that has just changed is left alone: its worker may not have written its own row since.
    """
    held = {slug for beat in living_workers() for slug in beat.loaded}
    settled = timezone.now() - timedelta(seconds=BEAT_SECONDS)
    stale = Q(state=State.LOADED, updated__lt=settled) & ~Q(slug__in=held)
    overdue = timezone.now() - timedelta(seconds=settings.LOAD_TIMEOUT)
    stuck = Q(state=State.LOADING, updated__lt=overdue)
    ModelEntry.every.filter(stale | stuck).update(state=State.AVAILABLE, device="", progress=0)


def void_states(before: datetime) -> None:
    """What was said of models before this moment holds no more: their only worker has ended."""
    WorkerBeat.objects.filter(seen__lt=before).delete()
    stale = ModelEntry.objects.filter(state__in=(State.LOADED, State.LOADING), updated__lt=before)
    stale.update(state=State.AVAILABLE, device="", progress=0, cancel_requested=False)


def _store(model: Found) -> ModelEntry:
    """`updated` stays: it tells when the state last changed, not when the files were looked at."""
    columns = model.defaults()
    found = ModelEntry.objects.get_or_create(slug=model.slug, defaults=columns)
    entry: ModelEntry = found[0]
    if not found[1]:
        if entry.state == State.ABSENT:
            columns["state"] = State.AVAILABLE
        ModelEntry.objects.filter(pk=entry.pk).update(**columns)
        entry.refresh_from_db()
    return entry


def _store_known(here: set[str]) -> None:
    """Rows of what is known by name and not here, so that people learn how to get it."""
    for slug, model in packages.PACKAGED.items():
        if slug not in here:
            _store_absent(Found(slug, False, model.config, model.card))
    for slug, known in KNOWN.items():
        if slug not in here:
            columns = {"label": known.label, "path": slug, "family": known.family}
            columns |= {"kind": known.kind, "state": State.ABSENT}
            ModelEntry.objects.get_or_create(slug=slug, defaults=columns)


def _store_absent(model: Found) -> None:
    columns = {**model.defaults(), "state": State.ABSENT}
    ModelEntry.objects.update_or_create(slug=model.slug, defaults=columns)


def _choose_default(entries: list[ModelEntry]) -> None:
    """The one that is asked for, else a shipped one with room for the examples of the protocol."""
    ranked = sorted(
        (entry for entry in entries if entry.kind == ModelEntry.Kind.DIFFUSION),
        key=lambda entry: (
            entry.slug != settings.DEFAULT_MODEL,
            not entry.card.get("default"),
            not entry.is_shipped,
            entry.context < ROOMY,
            entry.slug,
        ),
    )
    chosen = ranked[0].pk if ranked else 0
    ModelEntry.objects.filter(is_default=True).exclude(pk=chosen).update(is_default=False)
    ModelEntry.objects.filter(pk=chosen).update(is_default=True)


def _unknown() -> str:
    here = ModelEntry.objects.exclude(state=State.ABSENT).values_list("slug", flat=True)[:20]
    return f"There is no such model. Installed: {', '.join(here) or 'none'}."
