"""`manage.py train_diffusion`: train a small masked-diffusion model into a directory."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from inference.management.directories import model_directory, parent_path


class Command(BaseCommand):
    """A thin door to the trainer, which knows nothing of Django."""

    help = (
        "Trains a small masked-diffusion model (stories, addition, sudoku, infill or "
        "waiting_line), or turns an autoregressive one into one that denoises, by an adapter."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        from inference.engine.training.cli import add_train_arguments

        add_train_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        from inference.engine.errors import EngineError
        from inference.engine.training.cli import adapt_command, train_command

        try:
            if options["parent"] is not None:
                path = parent_path(options["parent"])
                adapt_command(argparse.Namespace(**options), path)
                return
            if options["start_from"] is not None:
                options["start_from"] = model_directory(options["start_from"])
            train_command(argparse.Namespace(**options))
        except EngineError as error:
            raise CommandError(error.message) from error
