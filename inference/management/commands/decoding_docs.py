"""python manage.py decoding_docs --write docs/decoding.md: sources and parameters of recipes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from inference.catalog.docs import facts, with_facts
from inference.catalog.recipes import RECIPES


class Command(BaseCommand):
    """Prints the facts of every recipe, or writes them into the page."""

    help = "Sources and parameters of all recipes, as docs/decoding.md has them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--write", help="the page to bring up to date")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["write"]:
            for name in RECIPES:
                self.stdout.write(f"{name}\n{facts(name)}\n")
            return
        page = Path(options["write"])
        page.write_text(with_facts(page.read_text(encoding="utf-8")), encoding="utf-8")
