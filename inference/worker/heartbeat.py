"""A worker's heartbeat, the clean-up after dead ones, and the preload of the default model."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.models.functions import Now

from inference import figures, registry, runtime
from inference.errors import UnmaskError
from inference.models import ModelEntry, WorkerBeat
from inference.runtime import devices, model_state
from inference.runtime.forwards import metrics
from inference.worker import consumption
from inference.worker.timers import every

log = logging.getLogger(__name__)
BEAT_EVERY = 4
KEEP = timedelta(hours=1)
State = ModelEntry.State
TOLD: dict[str, Callable[[], Any]] = {}
"""What apps add to the metrics of a worker's row, by name."""


def name() -> str:
    """This worker among all of them."""
    return figures.process_name()


@every(BEAT_EVERY)
def beat() -> None:
    """Write this worker's row, and say again which models it holds."""
    held = runtime.loaded()
    columns = {
        "device": str(devices.preferred()),
        "loaded": held,
        "metrics": {
            **metrics(),
            "tasks": consumption.figures(),
            "models": runtime.figures(),
            "figures": figures.snapshot(),
            **{name: tell() for name, tell in TOLD.items()},
        },
        "seen": Now(),  # the database's clock: machines may disagree about the time
    }
    WorkerBeat.objects.update_or_create(name=name(), defaults=columns)
    for entry in ModelEntry.every.filter(slug__in=held, state=State.AVAILABLE):
        model_state.change(entry.slug, state=State.LOADED)


@every(1)
def unload_on_request() -> None:
    """Give up what somebody asked all workers to give up (see registry.request_unload)."""
    wanted = ModelEntry.every.filter(slug__in=runtime.loaded(), cancel_requested=True)
    slugs = list(wanted.exclude(state=State.LOADING).values_list("slug", flat=True))
    for slug in slugs:
        runtime.unload(slug)
    if slugs:
        beat()


@every(10)
def forget_dead_workers() -> None:
    """Take back what dead workers claim, and forget them after a while."""
    WorkerBeat.objects.filter(seen__lt=Now() - KEEP).delete()
    registry.refresh_states()


@every(math.inf)
def preload() -> None:
    """List the models that there are and load the default one, without the heartbeat waiting."""
    threading.Thread(target=_preload, name="preload", daemon=True).start()


def _preload() -> None:
    try:
        registry.sync_models()
        runtime.load(registry.default_model())
        beat()
    except UnmaskError as error:
        log.warning("default model: %s", error.message)
    finally:
        connection.close()
