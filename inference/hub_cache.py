"""The cache of the hub's own client on this machine: which models lie in it, whole.

`models--OWNER--NAME/snapshots/COMMIT/` holds the files of a revision as links into `blobs/`, named
by hash. https://huggingface.co/docs/huggingface_hub/guides/manage-cache. Web-safe: reads small
JSON files and imports no client.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from inference.model_folders import (
    CLOSED,
    CONFIG,
    GGUF,
    NAME,
    LeftOut,
    can_be_opened,
    config_of,
    entries,
)
from inference.whole_models import missing_files, type_fault

FOLDER = re.compile(r"models--(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)")
COMMIT = re.compile(r"[0-9a-f]{40}")


class Snapshot(NamedTuple):
    """A revision of a repository; `missing`: files of it that are not here."""

    slug: str
    path: Path
    missing: tuple[str, ...]

    @property
    def commit(self) -> str:
        return self.path.name


def folder_of(root: Path, slug: str) -> Path:
    """Where the cache keeps a repository. `slug` must match NAME."""
    return root / f"models--{slug.replace('/', '--')}"


def snapshots(root: Path) -> Iterator[Snapshot]:
    """The newest whole revision of every repository, else its newest one, in order of name."""
    for folder in sorted(root.glob("models--*")):
        named = FOLDER.fullmatch(folder.name)
        slug = named["name"].replace("--", "/", 1) if named else ""
        found = _newest(slug, folder) if NAME.fullmatch(slug) else None
        if found is not None:
            yield found


def snapshot_of(root: Path, slug: str) -> Path | None:
    """The directory of a repository's newest whole revision that can be loaded, or None."""
    found = _newest(slug, folder_of(root, slug)) if NAME.fullmatch(slug) else None
    return found.path if found is not None and not _fault(found) else None


def models(root: Path) -> Iterator[Snapshot]:
    """Those that can be loaded."""
    return (found for found in snapshots(root) if not _fault(found))


def left_out(root: Path) -> list[LeftOut]:
    """Repositories that lie in the cache and are not offered, and why."""
    faults = ((found.slug, _fault(found)) for found in snapshots(root))
    return [LeftOut(slug, fault) for slug, fault in faults if fault]


def _newest(slug: str, folder: Path) -> Snapshot | None:
    inside = entries(folder / "snapshots")
    places = [path for path in inside if COMMIT.fullmatch(path.name) and path.is_dir()]
    newest = sorted(places, key=lambda place: (place.stat().st_mtime, place.name), reverse=True)
    found = [Snapshot(slug, place, tuple(_missing(place))) for place in newest]
    return next((one for one in found if not one.missing), found[0] if found else None)


def _missing(place: Path) -> list[str]:
    """What a whole checkpoint has and this directory lacks; links that lead nowhere count."""
    if not can_be_opened(place):
        return [CONFIG]
    broken = [path.name for path in entries(place) if not path.exists()]
    if broken:
        return broken
    config = config_of(place)
    if config is GGUF:
        return []
    return missing_files(place, config) if config else [CONFIG]


def _fault(found: Snapshot) -> str:
    """Why a snapshot is not offered; "" if it is."""
    if not can_be_opened(found.path):
        return CLOSED
    if found.missing:
        shown = ", ".join(found.missing[:3])
        return f"it is not whole: {shown} is missing; download it again"
    config = config_of(found.path)
    return "" if config is GGUF else type_fault(config)
