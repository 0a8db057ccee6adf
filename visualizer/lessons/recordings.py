"""Recorded runs of the lessons, as `manage.py record_lessons` writes them."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from django.conf import settings

from visualizer.lessons.catalog import LESSONS

FOLDER = "lessons"
VERSION = 1


@lru_cache(maxsize=len(LESSONS))
def recorded(slug: str) -> dict[str, Any]:
    """The recording of a lesson. Raises FileNotFoundError if the command has not been run."""
    path = settings.BASE_DIR / "static" / FOLDER / f"{slug}.json"
    told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return told
