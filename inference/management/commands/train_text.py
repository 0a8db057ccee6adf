"""`manage.py train_text`: train a small model on a text of the library into a directory."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser


class Command(BaseCommand):
    """A thin door to the trainer that the pages of trainings use too."""

    help = "Trains a GPT of characters or byte pairs, or a masked-diffusion model, on a text."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        from inference.engine.training.texts.cli import add_arguments

        add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        from inference.engine.errors import EngineError
        from inference.engine.training.texts.cli import train_command

        try:
            train_command(argparse.Namespace(**options))
        except EngineError as error:
            raise CommandError(error.message) from error
