"""Folders of MODELS_DIR that are models, and those that are none, with the reason.

Web-safe: reads two small JSON files per directory and imports no tensor library.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

SIDECAR = "unmask.json"
CONFIG = "config.json"
PACKED = "*.gguf"
GGUF = {"model_type": "gguf"}
"""Stands for the config.json of a folder with a GGUF file, which says all of that itself."""
NO_CONFIG = f"it has weights and no {CONFIG}"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)?")
FILE_BYTES = 4 * 2**20
WEIGHTS = (".safetensors", ".gguf", ".bin", ".pt")
DEEPEST = 5
"""How many folders deep a forgotten model is looked for."""
MOST = 10_000
"""Folders that are looked into."""


class LeftOut(NamedTuple):
    """A folder, or a part of it, that is not used, and why."""

    name: str
    reason: str


def model_slugs(root: Path) -> list[str]:
    """Names of the models, sorted: at most two names deep (`name` or `owner/name`)."""
    marks = [root.glob(depth + mark) for mark in (CONFIG, PACKED) for depth in ("*/", "*/*/")]
    slugs = {path.parent.relative_to(root).as_posix() for path in chain(*marks)}
    return sorted(slug for slug in slugs if NAME.fullmatch(slug) and config_of(root / slug))


def config_of(folder: Path) -> dict[str, Any]:
    """What config.json says, GGUF for a folder that has one such file instead, or nothing."""
    packed = not (folder / CONFIG).exists() and len(list(folder.glob(PACKED))) == 1
    return GGUF if packed else read_object(folder, CONFIG)


def candidates(root: Path) -> list[str]:
    """Folders below, however deep, that hold what a model directory holds; in order of name."""
    names = (folder.relative_to(root).as_posix() for folder in _folders(root) if config_of(folder))
    return sorted(names)


def left_out(root: Path) -> list[LeftOut]:
    """What lies there like a model and is not taken, in order of name."""
    taken, found = set(model_slugs(root)), list[LeftOut]()
    for folder in _folders(root):
        name = folder.relative_to(root).as_posix()
        if name in taken:
            fault = fault_of(folder, SIDECAR)
            reason = f"its {SIDECAR} is not read: {fault}" if fault else ""
        else:
            reason = _reason(folder, name)
        if reason:
            found.append(LeftOut(name, reason))
    return sorted(found)


def read_object(folder: Path, file: str) -> dict[str, Any]:
    """A JSON object, or nothing: a broken file must not keep the site from starting."""
    return _parsed(folder / file)[0]


def fault_of(folder: Path, file: str) -> str:
    """What is wrong with a file of JSON; "" for none, or where there is no such file."""
    path = folder / file
    return _parsed(path)[1] if path.exists() or path.is_symlink() else ""


def _parsed(path: Path) -> tuple[dict[str, Any], str]:
    """The object, and what is wrong with the file."""
    try:
        if not path.is_file():
            return {}, "it is no regular file"
        if path.stat().st_size > FILE_BYTES:
            return {}, f"it is larger than {FILE_BYTES >> 20} MiB"
        value = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError:
        return {}, "it cannot be opened"
    except (ValueError, RecursionError):
        return {}, "it is not readable JSON"
    if not isinstance(value, dict) or not value:
        return {}, "it is not a JSON object with keys"
    return value, ""


def _folders(root: Path) -> Iterator[Path]:
    """The folders below, links followed, no deeper than DEEPEST and no more than MOST."""
    waiting, seen = [(root, 0)], 0
    while waiting and seen < MOST:
        folder, depth = waiting.pop()
        seen += 1
        if folder != root:
            yield folder
        if depth < DEEPEST:
            waiting += [(path, depth + 1) for path in _inside(folder) if _is_folder(path)]


def _inside(folder: Path) -> list[Path]:
    try:
        return sorted(Path(entry.path) for entry in os.scandir(folder))
    except OSError:
        return []


def _is_folder(path: Path) -> bool:
    return path.is_dir() or (path.is_symlink() and not path.exists())


def _reason(folder: Path, name: str) -> str:
    """Why this folder is not taken; "" where there is nothing like a model in it."""
    if folder.is_symlink() and not folder.exists():
        return "its link leads nowhere"
    if not os.access(folder, os.R_OK | os.X_OK):
        return "it cannot be opened"
    files = {path.name for path in _inside(folder)}
    weights = any(file.endswith(WEIGHTS) for file in files)
    if CONFIG not in files and not weights:
        return ""
    if name.startswith("models--"):
        return (
            "this is the layout of the Hugging Face cache; link or copy the folder as "
            f"{_owner_and_name(name)}"
        )
    if name.count("/") > 1:
        return "it lies too deep; only <name> and <owner>/<name> are looked at"
    if not NAME.fullmatch(name):
        return "a name has letters a to z, digits, dots, dashes and underscores only; rename it"
    if CONFIG not in files:
        packed = sum(file.endswith(".gguf") for file in files)
        return f"it has {packed} GGUF files; keep one" if packed else NO_CONFIG
    return f"its {CONFIG} is not read: {fault_of(folder, CONFIG)}"


def _owner_and_name(cached: str) -> str:
    """models--GSAI-ML--LLaDA/snapshots/abc → GSAI-ML/LLaDA."""
    return cached.split("/")[0].removeprefix("models--").replace("--", "/", 1)
