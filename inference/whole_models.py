"""Whether a model directory has the files that loading reads, and a type that can be loaded.

Web-safe: looks at names, and reads the small index of shards; no weight is opened.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inference.catalog.families import ARCHITECTURES, FAMILIES, family_of
from inference.causal_families import is_causal

INDEX, SINGLE, ADAPTER = (
    "model.safetensors.index.json", "model.safetensors", "adapter.safetensors"
)  # fmt: skip
INDEX_BYTES = 64 * 2**20
SHARDS, PACKED = "*.safetensors", "*.gguf"
PICKLES = (".bin", ".pt", ".pth", ".ckpt")


def packed_fault(folder: Path) -> str | None:
    """What is wrong with a folder whose weights are GGUF files, "" for nothing: one such file says
    what config.json would say, too. None for a folder with other weights, or without any.
    """
    packed = sorted(folder.glob(PACKED))
    if not packed or any(folder.glob(SHARDS)):
        return None
    if len(packed) > 1:
        return f"it has {len(packed)} GGUF files; keep one"
    return "" if _is_there(packed[0]) else f"its {packed[0].name} cannot be opened"


def missing_files(folder: Path, config: Mapping[str, Any]) -> list[str]:
    """The weight files that loading would look for in vain, in its own order of looking."""
    if "adapter" in config:
        return [] if _is_there(folder / ADAPTER) else [ADAPTER]
    if _is_there(folder / SINGLE):
        return []
    if (folder / INDEX).exists():
        return [name for name in _shards(folder / INDEX) if not _is_there(folder / name)]
    return [] if any(map(_is_there, folder.glob(SHARDS))) else [SHARDS]


def type_fault(config: Mapping[str, Any]) -> str:
    """That no family has this model type, nor one of the architectures; "" where one has."""
    model_type, named = config.get("model_type"), config.get("architectures")
    architectures = named if isinstance(named, list) else []
    if any(isinstance(one, str) and one in ARCHITECTURES for one in architectures):
        return ""
    known = isinstance(model_type, str) and family_of(model_type) in FAMILIES
    if known or is_causal(config):
        return ""
    return f"its model type ({str(model_type)[:40]}) is none that can be loaded here"


def weights_fault(folder: Path, config: Mapping[str, Any]) -> str:
    """Which weights are missing, and what lies there instead; "" where all are there."""
    missing = missing_files(folder, config)
    if not missing:
        return ""
    closed = [path.name for path in sorted(folder.glob(SHARDS)) if not _is_there(path)]
    if closed:
        return f"its {closed[0]} cannot be opened"
    pickles = [path.name for path in folder.iterdir() if path.suffix in PICKLES]
    if pickles and missing == [SHARDS]:
        return f"it has {pickles[0]}, a pickle file, which is never read: convert it to safetensors"
    return f"it is not whole: {', '.join(missing[:3])} is missing"


def _is_there(path: Path) -> bool:
    return path.is_file() and os.access(path, os.R_OK)


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
