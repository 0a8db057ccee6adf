"""Model directories as people name them on the command line."""

from __future__ import annotations

from pathlib import Path

from inference.registry import SHIPPED_DIR


def model_directory(path: Path) -> Path:
    """The directory itself, or the shipped model of that name where there is no such directory."""
    return path if path.exists() or len(path.parts) > 1 else SHIPPED_DIR / path
