"""The page of models, and the part of it that changes by itself."""

from __future__ import annotations

import hashlib
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from library.models import Download
from library.selectors import directories
from library.selectors import models as model_rows
from library.selectors.downloads import downloads
from library.selectors.servers import servers
from library.services.access import may_manage
from visualizer.api.requests import DEVICES


@login_required
@require_safe
def models(request: HttpRequest) -> HttpResponse:
    """Everything: what is here, in memory, on its way, could be had, and is left out."""
    manager = may_manage(request.user)
    context = _live_context(request) | {
        "page": "models",
        "known": model_rows.absent(),
        "searched": [root for root in directories.searched() if root.left_out],
        "candidates": directories.candidates() if manager else [],
        "servers": servers(),
        "free": directories.free_bytes(),
        "devices": DEVICES,
    }
    return render(request, "library/models.html", context)


@login_required
@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """Memory, loads and downloads as they are; the list too where it is another than `?seen=`."""
    context = _live_context(request)
    context["changed"] = request.GET.get("seen") != context["seen"]
    context["devices"] = DEVICES
    return render(request, "library/partials/update.html", context)


def _live_context(request: HttpRequest) -> dict[str, Any]:
    workers = model_rows.workers(request.user)
    rows = model_rows.rows(request.user, workers)
    on_their_way = downloads()
    loading = [row for row in rows if row.loading]
    active = [row for row in on_their_way if row.status in Download.ACTIVE]
    return {
        "workers": workers,
        "rows": rows,
        "labels": {row.entry.slug: row.entry.label for row in rows},
        "loading": loading,
        "downloads": on_their_way,
        "active": bool(loading or active) or any(row.untold for row in rows),
        "manager": may_manage(request.user),
        "current": model_rows.current_of(request.user),
        "seen": _digest([row.entry.slug for row in rows]),
    }


def _digest(slugs: list[str]) -> str:
    """A short name of what is on the list."""
    return hashlib.sha256("\n".join(slugs).encode()).hexdigest()[:12]
