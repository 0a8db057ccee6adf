"""`manage.py evaluate`: quality of a model on a task against the number of decoding steps."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from inference.management.directories import model_directory


class Command(BaseCommand):
    """A thin door to the evaluation; a shipped model may be given by its name."""

    help = "Prints quality against steps (marks, ELBO, tokens per forward); writes CSV and a plot."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        from inference.engine.training.cli import add_evaluate_arguments

        add_evaluate_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        from inference.engine.errors import EngineError
        from inference.engine.training.cli import evaluate_command

        options["model"] = model_directory(options["model"])
        try:
            evaluate_command(argparse.Namespace(**options))
        except EngineError as error:
            raise CommandError(error.message) from error
