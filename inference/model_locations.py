"""Where the files of a model lie on this machine, or what to do where they do not.

A name that a user sends is only ever compared with rows, and with what lies in configured places.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings

from inference import adapted_models, hub_cache, packages
from inference.errors import UnmaskError
from inference.model_folders import NAME, SIDECAR, config_of, own_fault, read_object
from inference.models import ModelEntry, ModelFolder

SHIPPED_DIR = Path(__file__).resolve().parent / "shipped"
ELSEWHERE = "on another server"
SHIPPED = "shipped"
README = "README.md"
README_BYTES = 256 * 1024
"""Of a card that are read."""
TRAINED = "trained here"
TRAINED_ELSEWHERE = (
    "The files of this model are not on this machine. All machines of a site need the same "
    "TRAINING_DIR."
)


def directory(entry: ModelEntry) -> Path:
    """Where the checkpoint of a row lies: a directory, or the file of a package.

    Raises UnmaskError when it has none here.
    """
    if entry.kind == ModelEntry.Kind.REMOTE:
        raise UnmaskError(
            "model_unavailable",
            f"{entry.label} answers on another server; it cannot be loaded here.",
            "model_path",
        )
    found = _found(entry)
    if found is None:
        raise UnmaskError("model_unavailable", absence(entry), "model_path")
    return found[1]


def location_of(entry: ModelEntry) -> str:
    """In which of the places it lies, in words; "" where it is not on this machine."""
    if entry.kind == ModelEntry.Kind.REMOTE:
        return ELSEWHERE
    found = _found(entry)
    return found[0] if found else ""


def _found(entry: ModelEntry) -> tuple[str, Path] | None:
    if entry.owner_id is not None:
        trained = settings.TRAINING_DIR / entry.path
        return (TRAINED, trained) if config_of(trained) else None
    places = ((SHIPPED, shipped_folder),) if entry.is_shipped else PLACES
    found = ((place, look(entry.slug)) for place, look in places)
    return next(((place, path) for place, path in found if path is not None), None)


def shipped_folder(slug: str) -> Path | None:
    return _within(SHIPPED_DIR, slug)


def own_folder(slug: str) -> Path | None:
    """The directory of that name in MODELS_DIR."""
    return _within(settings.MODELS_DIR, slug)


def _within(root: Path, slug: str) -> Path | None:
    fits = NAME.fullmatch(slug) is not None and config_of(root / slug)
    return root / slug if fits else None


def added_folder(slug: str) -> Path | None:
    """The directory that staff added under this name, while its root is a configured one."""
    row = ModelFolder.objects.filter(slug=slug).first()
    if row is None or Path(row.root) not in settings.MODEL_ROOTS:
        return None
    path = Path(row.root) / row.folder
    return path if config_of(path) else None


def cached_snapshot(slug: str) -> Path | None:
    """The newest whole revision of a repository in the hub's cache."""
    return hub_cache.snapshot_of(settings.HUB_CACHE, slug)


PLACES: tuple[tuple[str, Callable[[str], Path | None]], ...] = (
    ("MODELS_DIR", own_folder),
    ("an added directory", added_folder),
    ("the hub's cache", cached_snapshot),
    ("a package", packages.path_of),
)
"""In this order: what lies in MODELS_DIR comes before all others."""


def card_of(directory: Path) -> dict[str, Any]:
    """What unmask.json beside a checkpoint says; empty without one."""
    return read_object(directory, SIDECAR)


def readme_of(entry: ModelEntry) -> str:
    """What README.md beside a checkpoint says, as Markdown; empty without one."""
    folder = _kept_folder(entry)
    path = folder / README if folder else None
    if path is None or not path.is_file():
        return ""
    with path.open("rb") as file:
        return file.read(README_BYTES).decode(errors="replace")


def _kept_folder(entry: ModelEntry) -> Path | None:
    """The directory of a model, of one whose base is missing too."""
    found = _found(entry)
    return found[1] if found is not None and found[1].is_dir() else None


def absence(entry: ModelEntry) -> str:
    """That its files are not here, and what brings them."""
    if entry.kind == ModelEntry.Kind.REMOTE:
        return f"{entry.label} is not offered any more: its server lists or answers it no longer."
    if entry.owner_id is not None:
        return TRAINED_ELSEWHERE
    folder = _kept_folder(entry)
    base = adapted_models.missing_base(config_of(folder), folder.parent) if folder else None
    if base is not None:
        return adapted_models.absence(entry.label, base)
    fault = own_fault(settings.MODELS_DIR, entry.slug)
    if fault:
        return f"{entry.label} lies in MODELS_DIR and cannot be used: {fault}."
    packaged = packages.PACKAGED.get(entry.slug)
    if packaged is not None:
        return f"{entry.label} is not on this machine. `{packaged.command}` brings it."
    return (
        f"{entry.label} is not on this machine. Download it on the page Models, or put its "
        f"safetensors checkpoint into MODELS_DIR as {entry.slug} and run "
        "`python manage.py sync_models`."
    )
