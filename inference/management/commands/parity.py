"""python manage.py parity DIR: this engine against recorded runs of the published code."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser


class Command(BaseCommand):
    """Exits 1 if any case failed."""

    help = "Runs every case of a fixtures folder; closes with the totals."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("directory", help="folder of recorded cases")
        parser.add_argument(
            "pattern", nargs="?", default="*", help="names or procedures of cases, such as 'wino*'"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        # torch is imported when the command runs: the web side lists commands without it
        from inference.engine.parity.runner import main

        sys.exit(main(options["directory"], self.stdout.write, options["pattern"]))
