"""`python manage.py record_showcase`: the recorded runs of the first page, from real runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from inference import model_locations
from inference.runtime.load_options import options_for
from visualizer.selectors.recordings import COMPARED, FOLDER, MEASURED
from visualizer.worker.recordings import measured, recording


class Command(BaseCommand):
    help = "Run the shipped models and keep what they wrote as JSON for the first page."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--cases", type=int, default=100, help="measured cases of a task")
        parser.add_argument("--to", type=Path, default=settings.BASE_DIR / "static" / FOLDER)

    def handle(self, *args: Any, cases: int, to: Path, **options: Any) -> None:
        to.mkdir(parents=True, exist_ok=True)
        for slug, recipes in COMPARED.items():
            folder = model_locations.SHIPPED_DIR / slug
            card = model_locations.card_of(folder)
            model = options_for(card).load(folder)
            about: dict[str, Any] = {}
            example = card["examples"][0]
            if slug in MEASURED:
                about, example = measured(model, slug, recipes, cases)
            made = recording(model, card, example, recipes) | ({"measured": about} if about else {})
            told = {"model": slug, "command": "python manage.py record_showcase", **made}
            (to / f"{slug}.json").write_text(json.dumps(told, ensure_ascii=False) + "\n")
            self.stdout.write(f"{slug}: {[len(run['frames']) for run in made['runs']]} steps")
            self._tell(about)

    def _tell(self, measured: dict[str, Any]) -> None:
        if not measured:
            return
        for row in measured["rows"]:
            self.stdout.write(f"  {row['label']}: {row['exact']:.1%} of {measured['cases']} solved")
        first, last = (measured["rows"][n]["label"] for n in (0, -1))
        shown = f"  shown: case {measured['shown'] + 1}, the first that “{first}” solves"
        self.stdout.write(f"{shown} and “{last}” does not")
