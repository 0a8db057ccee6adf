"""Directories: what lies in them, what of it is left out and why, and how much room there is."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from inference import hub_cache, model_folders
from inference.model_folders import LeftOut
from inference.models import ModelFolder


@dataclass(frozen=True, slots=True)
class SearchedDirectory:
    """A directory in which models are looked for. `name`: the setting that says where it is."""

    name: str
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model directory under a root; `slug`: the name under which it is on the list, or ""."""

    root: str
    folder: str
    slug: str


def searched() -> list[SearchedDirectory]:
    """MODELS_DIR and the hub's cache, with what is not taken from them."""
    return [
        SearchedDirectory("MODELS_DIR", tuple(model_folders.left_out(settings.MODELS_DIR))),
        SearchedDirectory("HF_HUB_CACHE", tuple(hub_cache.left_out(settings.HUB_CACHE))),
    ]


def candidates() -> list[Candidate]:
    """What staff may add, and has added, in order of root and name."""
    roots: list[Path] = settings.MODEL_ROOTS
    added = {(row.root, row.folder): row.slug for row in ModelFolder.objects.all()}
    return [
        Candidate(str(root), folder, added.get((str(root), folder), ""))
        for root in roots
        for folder in model_folders.candidates(root)
    ]


def free_bytes() -> int:
    """Room where downloads go."""
    return shutil.disk_usage(_existing(settings.HUB_CACHE)).free


def _existing(path: Path) -> Path:
    return next((place for place in (path, *path.parents) if place.exists()), Path("/"))
