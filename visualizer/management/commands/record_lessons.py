"""`python manage.py record_lessons`: the recorded runs of the lessons, from real runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from visualizer.lessons.catalog import LESSONS
from visualizer.lessons.recordings import FOLDER
from visualizer.worker.lesson_recordings import recording


class Command(BaseCommand):
    help = "Run the shipped models as the lessons do and keep what they wrote as JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("lessons", nargs="*", choices=[[], *LESSONS], help="all by default")
        parser.add_argument("--cases", type=int, default=50, help="measured cases of a task")
        parser.add_argument("--to", type=Path, default=settings.BASE_DIR / "static" / FOLDER)

    def handle(self, *args: Any, lessons: list[str], cases: int, to: Path, **options: Any) -> None:
        to.mkdir(parents=True, exist_ok=True)
        for slug in lessons or LESSONS:
            made = recording(LESSONS[slug], cases)
            (to / f"{slug}.json").write_text(json.dumps(made, ensure_ascii=False) + "\n")
            self.stdout.write(slug)
            rows = made.get("measured", {}).get("rows", {})
            for name, run in made["variants"].items():
                self.stdout.write(f"  {name}: {len(run['drafts']) - 1} steps{_figures(rows, name)}")


def _figures(rows: dict[str, Any], name: str) -> str:
    row = rows.get(name)
    return f", {row['solved']} solved in {row['passes']} passes each" if row else ""
