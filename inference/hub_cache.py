"""The cache of the hub's own client on this machine: which models lie in it, whole.

`models--OWNER--NAME/snapshots/COMMIT/` holds the files of a revision as links into `blobs/`, named
by hash. https://huggingface.co/docs/huggingface_hub/guides/manage-cache. Web-safe: reads small
JSON files and imports no client.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from inference.catalog.families import FAMILIES, family_of
from inference.causal_families import is_causal
from inference.model_folders import CONFIG, GGUF, NAME, LeftOut, config_of

FOLDER = re.compile(r"models--(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)")
COMMIT = re.compile(r"[0-9a-f]{40}")
INDEX = "model.safetensors.index.json"
INDEX_BYTES = 64 * 2**20


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
    places = [p for p in (folder / "snapshots").glob("*") if COMMIT.fullmatch(p.name)]
    newest = sorted(places, key=lambda place: (place.stat().st_mtime, place.name), reverse=True)
    found = [Snapshot(slug, place, tuple(_missing(place))) for place in newest]
    return next((one for one in found if not one.missing), found[0] if found else None)


def _missing(place: Path) -> list[str]:
    """What a whole checkpoint has and this directory lacks; links that lead nowhere count."""
    broken = [path.name for path in place.iterdir() if not path.exists()]
    if broken:
        return broken
    if not config_of(place):
        return [CONFIG]
    if (place / INDEX).is_file():
        return [name for name in _shards(place / INDEX) if not (place / name).is_file()]
    weights = [*place.glob("*.safetensors"), *place.glob("*.gguf")]
    return [] if weights else ["*.safetensors"]


def _shards(index: Path) -> list[str]:
    """The files that an index names; plain names only, so that none leads out of the directory."""
    try:
        if index.stat().st_size > INDEX_BYTES:
            return [index.name + " of a usual size"]
        named = json.loads(index.read_text(encoding="utf-8-sig"))["weight_map"].values()
        names = sorted({str(name) for name in named})
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError):
        return [index.name + " that can be read"]
    return [name for name in names if Path(name).name == name]


def _fault(found: Snapshot) -> str:
    """Why a snapshot is not offered; "" if it is."""
    if found.missing:
        shown = ", ".join(found.missing[:3])
        return f"it is not whole: {shown} is missing; download it again"
    config = config_of(found.path)
    model_type = config.get("model_type")
    known = isinstance(model_type, str) and family_of(model_type) in FAMILIES
    if config is GGUF or known or is_causal(config):
        return ""
    return f"its model type ({str(model_type)[:40]}) is none that can be loaded here"
