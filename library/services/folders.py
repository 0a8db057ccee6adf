"""Directories of configured roots that staff put on the list of models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from inference import model_folders, registry
from inference.errors import UnmaskError
from inference.model_folders import NAME
from inference.models import ModelEntry, ModelFolder
from library.services.access import require_manager


def add(*, user: Any, root: str, folder: str, slug: str) -> ModelFolder:
    """Put a directory on the list, as a model of that name.

    What is sent is compared with the roots of the settings and with what lies in them; it never
    reaches the file system. Raises UnmaskError: auth, validation, or conflict for a taken name.
    """
    require_manager(user)
    if Path(root) not in settings.MODEL_ROOTS:
        raise UnmaskError("validation", "There is no such root. MODEL_ROOTS names them.", "root")
    if folder not in model_folders.candidates(Path(root)):
        raise UnmaskError("validation", "No model directory of that name lies there.", "folder")
    if NAME.fullmatch(slug) is None or len(slug) > 200:
        raise UnmaskError(
            "validation",
            "A name is name or owner/name, with letters a to z, digits, dots, dashes and "
            "underscores.",
            "slug",
        )
    with transaction.atomic():
        made = _made(root, folder, slug)
        registry.sync_models()
    return made


def _made(root: str, folder: str, slug: str) -> ModelFolder:
    taken = ModelEntry.objects.filter(slug=slug).exclude(state=ModelEntry.State.ABSENT)
    if taken.exists() or ModelFolder.objects.filter(slug=slug).exists():
        raise UnmaskError("conflict", "A model of this name is on the list already.", "slug")
    return ModelFolder.objects.create(root=root, folder=folder, slug=slug)


@transaction.atomic
def remove(*, user: Any, slug: str) -> None:
    """Take a directory off the list; its files stay. Raises UnmaskError: auth, not_found."""
    require_manager(user)
    if not ModelFolder.objects.filter(slug=slug).delete()[0]:
        raise UnmaskError("not_found", "No added directory has this name.", "slug")
    registry.sync_models()
