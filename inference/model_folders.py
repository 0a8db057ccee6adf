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

from inference.whole_models import packed_fault, type_fault, weights_fault

SIDECAR = "unmask.json"
CONFIG = "config.json"
PACKED = "*.gguf"
GGUF = {"model_type": "gguf"}
"""Stands for the config.json of a folder with a GGUF file, which says all of that itself."""
NO_CONFIG = f"it has weights and no {CONFIG}"
PEFT_CONFIG = "adapter_config.json"
PEFT = "it is an adapter of PEFT, which is not read: merge it into its model and save that"
_PART = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
NAME = re.compile(f"{_PART}(?:/{_PART})?")
"""A name of a model; parts as long as the hub allows, so that no path becomes too long."""
FILE_BYTES = 4 * 2**20
WEIGHTS = (".safetensors", ".gguf", ".bin", ".pt")
CLOSED = "it cannot be opened"
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
    return sorted(slug for slug in slugs if NAME.fullmatch(slug) and not _fault(root / slug))


def config_of(folder: Path) -> dict[str, Any]:
    """What config.json says, GGUF for a folder whose weights are one such file, or nothing."""
    if not can_be_opened(folder):
        return {}
    return GGUF if packed_fault(folder) == "" else read_object(folder, CONFIG)


def candidates(root: Path) -> list[str]:
    """Folders below, however deep, that hold what a model directory holds; in order of name."""
    names = (_name(folder, root) for folder in _folders(root) if config_of(folder))
    return sorted(name for name in names if name.isprintable())


def own_fault(root: Path, slug: str) -> str:
    """Why the folder of this name is not taken; "" where it is, or where there is none."""
    folder = root / slug
    return _fault(folder) if NAME.fullmatch(slug) and config_of(folder) else ""


def left_out(root: Path) -> list[LeftOut]:
    """What lies there like a model and is not taken, in order of name."""
    taken, found = set(model_slugs(root)), list[LeftOut]()
    if _holds_model({path.name for path in entries(root)}):
        found.append(LeftOut(".", "a model needs a folder of its own in this directory"))
    for folder in _folders(root):
        name = _name(folder, root)
        if name in taken:
            fault = fault_of(folder, SIDECAR)
            reason = f"its {SIDECAR} is not read: {fault}" if fault else ""
        else:
            reason = _reason(folder, name)
        if reason:
            found.append(LeftOut(writable(name), reason))
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
            waiting += [(path, depth + 1) for path in entries(folder) if _may_be_folder(path)]


def entries(folder: Path) -> list[Path]:
    """What lies in a folder, in order of name; nothing for one that cannot be read."""
    try:
        return sorted(Path(entry.path) for entry in os.scandir(folder))
    except OSError:
        return []


def can_be_opened(folder: Path) -> bool:
    """Whether the files of a folder may be listed and looked at."""
    return os.access(folder, os.R_OK | os.X_OK)


def _may_be_folder(path: Path) -> bool:
    """A folder, or a link that leads nowhere; os.path knows no PermissionError."""
    return os.path.isdir(path) or (os.path.islink(path) and not os.path.exists(path))


def _name(folder: Path, root: Path) -> str:
    return folder.relative_to(root).as_posix()


def writable(name: str) -> str:
    """A name as it can be printed: bytes that are no UTF-8, and controls, as escapes."""
    return name if name.isprintable() else ascii(name)[1:-1]


def _reason(folder: Path, name: str) -> str:
    """Why this folder is not taken; "" where there is nothing like a model in it."""
    if os.path.islink(folder) and not os.path.exists(folder):
        return "its link leads nowhere"
    if not can_be_opened(folder):
        return CLOSED
    files = {path.name for path in entries(folder)}
    if not _holds_model(files):
        return ""
    return _misplaced(name) or _fault(folder)


def _holds_model(files: set[str]) -> bool:
    return CONFIG in files or any(file.lower().endswith(WEIGHTS) for file in files)


def _misplaced(name: str) -> str:
    """What is wrong with the place or the name of a folder that holds a model; "" for nothing."""
    if name.startswith("models--"):
        return (
            "this is the layout of the Hugging Face cache; link or copy the folder as "
            f"{_owner_and_name(name)}"
        )
    if name.count("/") > 1:
        return "it lies too deep; only <name> and <owner>/<name> are looked at"
    if not NAME.fullmatch(name):
        return (
            "a name has letters a to z, digits, dots, dashes and underscores only, 96 at most; "
            "rename it"
        )
    return ""


def _fault(folder: Path) -> str:
    """What a folder lacks that is to be a model; "" for nothing."""
    if not can_be_opened(folder):
        return CLOSED
    packed = packed_fault(folder)
    if packed is not None:
        return packed
    if not os.path.lexists(folder / CONFIG):
        return PEFT if (folder / PEFT_CONFIG).exists() else NO_CONFIG
    fault = fault_of(folder, CONFIG)
    if fault:
        return f"its {CONFIG} is not read: {fault}"
    config = read_object(folder, CONFIG)
    return weights_fault(folder, config) or type_fault(config)


def _owner_and_name(cached: str) -> str:
    """models--GSAI-ML--LLaDA/snapshots/abc → GSAI-ML/LLaDA."""
    return cached.split("/")[0].removeprefix("models--").replace("--", "/", 1)
