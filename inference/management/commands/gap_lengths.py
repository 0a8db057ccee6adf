"""`manage.py gap_lengths`: how many tokens a model would put between two texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from inference.management.directories import load_text_model, model_directory


class Command(BaseCommand):
    """Tries every length; a model that expands and deletes needs no such search."""

    help = "Prints the mean log-probability of each length of the gap, the best one marked."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("model", type=Path, help="directory, or a shipped model's name")
        parser.add_argument("prefix")
        parser.add_argument("suffix")
        parser.add_argument("--longest", type=int, default=16, help="tokens (default 16)")
        parser.add_argument("--recipe", help="run each length to its end instead of one look")
        parser.add_argument("--seed", type=int, default=0)

    def handle(self, *args: Any, **options: Any) -> None:
        from inference.engine.errors import EngineError
        from inference.engine.lengths import best_trial, quick_lengths, run_lengths

        lengths = range(1, options["longest"] + 1)
        try:
            model, tokenizer = load_text_model(model_directory(options["model"]))
            ends = tokenizer.encode_prompt(options["prefix"]), tokenizer.encode(options["suffix"])
            gap = model, *ends, lengths
            recipe, seed = options["recipe"], options["seed"]
            trials = run_lengths(*gap, recipe, seed=seed) if recipe else quick_lengths(*gap)
        except EngineError as error:
            raise CommandError(error.message) from error
        best = best_trial(trials)
        for trial in trials:
            text = tokenizer.decode(trial.tokens) if trial.tokens else ""
            mark = "*" if trial is best else " "
            self.stdout.write(f"{mark} {trial.length:3} {trial.score:8.3f}  {text}".rstrip())
