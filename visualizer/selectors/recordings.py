"""Recorded runs that pages play at rest: which there are, and what their files say."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from django.conf import settings

FOLDER = "showcase"
COMPARED: dict[str, tuple[str, ...]] = {
    "sudoku": ("rank/high_confidence", "rank/left_to_right"),
    "stories": ("rank/high_confidence",),
}
"""Shipped model → the recipes of its recorded runs; the first page begins with the first."""
MEASURED = ("sudoku",)


@lru_cache(maxsize=8)
def recorded(slug: str) -> dict[str, Any] | None:
    """A recording of `manage.py record_showcase`; None if there is none of that model."""
    path = settings.BASE_DIR / "static" / FOLDER / f"{slug}.json"
    if slug not in COMPARED or not path.is_file():
        return None
    told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return told
