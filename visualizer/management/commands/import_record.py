"""`python manage.py import_record FILE USERNAME`: a session from a JSON record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from inference.errors import UnmaskError
from visualizer.records.chain import UNVERIFIED, is_sealed
from visualizer.records.files import read_record
from visualizer.records.importer import import_record


class Command(BaseCommand):
    help = "Make a session of USERNAME's from a record that was downloaded as JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("username")

    def handle(self, *args: Any, file: Path, username: str, **options: Any) -> None:
        user = get_user_model().objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"There is no user {username}.")
        try:
            raw = read_record(file)
            session = import_record(owner=user, raw=raw)
        except UnmaskError as error:
            raise CommandError(error.message) from None
        self.stdout.write(f"{session.pk} {session.title}")
        if not is_sealed(raw):
            self.stderr.write(UNVERIFIED)
