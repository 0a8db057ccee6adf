"""`python manage.py protocol_docs`: the protocol's page and schema, from the tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from visualizer.protocol_docs import document, schema_text


class Command(BaseCommand):
    help = "Print docs/protocol.md, or write it and the JSON Schema to files."
    requires_system_checks: tuple[()] = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--write", type=Path, help="file for the Markdown page")
        parser.add_argument("--schema", type=Path, help="file for the JSON Schema")

    def handle(self, *args: Any, write: Path | None, schema: Path | None, **options: Any) -> None:
        if write:
            write.write_text(document(), encoding="utf-8")
        if schema:
            schema.write_text(schema_text(), encoding="utf-8")
        if not (write or schema):
            self.stdout.write(document())
