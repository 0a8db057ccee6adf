"""Models that are an adapter for another one: here only together with their base.

Web-safe: looks where a base lies, nothing more. `engine.adapters` compares its checksum.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inference import packages
from inference.model_folders import NAME, config_of


def base_of(config: Mapping[str, Any]) -> str | None:
    """The name of the base that config.json tells of; None for a model that stands alone."""
    adapter = config.get("adapter")
    name = adapter.get("base") if isinstance(adapter, dict) else None
    return name if isinstance(name, str) and NAME.fullmatch(name) else None


def missing_base(config: Mapping[str, Any], *roots: Path) -> str | None:
    """The base that is neither in a package nor in one of these directories."""
    name = base_of(config)
    if name is None or packages.path_of(name) is not None:
        return None
    return None if any(config_of(root / name) for root in roots) else name


def absence(label: str, base: str) -> str:
    """That a model cannot be used without its base, and what brings that."""
    packaged = packages.PACKAGED.get(base)
    remedy = f"`{packaged.command}` brings it." if packaged else f"Bring {base} first."
    return f"{label} changes {base}, which is not on this machine. {remedy}"
