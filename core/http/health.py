"""Health checks of the parts that a request needs: what is wrong with each, in a few words."""

from __future__ import annotations

import shutil
from collections.abc import Callable

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import connection

from inference.models import ModelEntry
from inference.registry import living_workers, takes_tasks

LEAST_FREE = 256 * 2**20
"""Bytes that have to be free where the data lies."""


def reasons() -> dict[str, str]:
    """What is wrong with every part; empty where it is well."""
    return {name: _reason(check) for name, check in CHECKS.items()}


def _reason(check: Callable[[], str]) -> str:
    try:
        return check()
    except Exception as error:
        return f"failed: {type(error).__name__}"


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return ""


def _channel_layer() -> str:
    layer = get_channel_layer()
    if layer is None:
        return "none configured"
    async_to_sync(layer.group_send)("health", {"type": "health"})
    return ""


def _worker() -> str:
    living = living_workers()
    if not living:
        return "no worker is alive"
    return "" if any(map(takes_tasks, living)) else "no worker takes tasks"


def _model() -> str:
    entry = ModelEntry.objects.filter(is_default=True).first()
    if entry is None:
        return "no default model" if settings.DEFAULT_MODEL else ""
    return "" if entry.state == ModelEntry.State.LOADED else f"the default model is {entry.state}"


def _disk() -> str:
    free = shutil.disk_usage(settings.DATA_DIR).free
    return "" if free >= LEAST_FREE else f"only {free // 2**20} MB are free"


CHECKS: dict[str, Callable[[], str]] = {
    "database": _database,
    "channel layer": _channel_layer,
    "worker": _worker,
    "model": _model,
    "disk": _disk,
}
