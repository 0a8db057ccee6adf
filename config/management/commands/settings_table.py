"""`python manage.py settings_table [--write README.md]`"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.settings_table import table, written_into


class Command(BaseCommand):
    help = "Print the table of settings, or write it into a file between its two marks."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--write", type=Path, metavar="FILE")

    def handle(self, *args: Any, write: Path | None, **options: Any) -> None:
        if write is None:
            self.stdout.write(table())
            return
        try:
            text = written_into(write.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CommandError(str(error)) from None
        write.write_text(text, encoding="utf-8")
