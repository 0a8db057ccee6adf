"""The page's forms: each does one thing and goes back to the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from core.http.errors import back_to
from inference import registry
from inference.errors import UnmaskError
from library.services import downloads, folders, loading
from library.services.access import require_manager


@login_required
@require_POST
def act(request: HttpRequest, name: str) -> HttpResponse:
    """Do what the form is for. A failure is told on the page."""
    back_to(request, reverse("models"))
    if name not in _ACTIONS:
        raise UnmaskError("not_found", "There is nothing of this name to do.")
    messages.success(request, _ACTIONS[name](request.user, request.POST))
    return redirect("models")


def _load(user: Any, form: QueryDict) -> str:
    loading.begin(user=user, slug=form.get("model", ""), device=form.get("device", "auto"))
    return "The model is being loaded."


def _cancel_load(user: Any, form: QueryDict) -> str:
    loading.cancel(user=user, slug=form.get("model", ""))
    return "Loading is being cancelled."


def _unload(user: Any, form: QueryDict) -> str:
    loading.unload(user=user, slug=form.get("model", ""))
    return "The workers give the model up when they have finished what they compute with it."


def _download(user: Any, form: QueryDict) -> str:
    revision = form.get("revision", "").strip() or "main"
    repository = form.get("repository", "").strip()
    row = downloads.start(user=user, repository=repository, revision=revision)
    return f"{row.repository} is on its way."


def _cancel_download(user: Any, form: QueryDict) -> str:
    row = downloads.cancel(user=user, id=form.get("download", ""))
    return f"{row.repository}: what came stays on the disk."


def _add(user: Any, form: QueryDict) -> str:
    names = {name: form.get(name, "") for name in ("root", "folder", "slug")}
    return f"{folders.add(user=user, **names).slug} is on the list."


def _remove(user: Any, form: QueryDict) -> str:
    folders.remove(user=user, slug=form.get("slug", ""))
    return "The directory is off the list; its files stay."


def _look(user: Any, form: QueryDict) -> str:
    """Into all directories again."""
    require_manager(user)
    return f"{len(registry.sync_models())} models are here."


_ACTIONS: dict[str, Callable[[Any, QueryDict], str]] = {
    "load": _load,
    "cancel_load": _cancel_load,
    "unload": _unload,
    "download": _download,
    "cancel_download": _cancel_download,
    "add": _add,
    "remove": _remove,
    "look": _look,
}
