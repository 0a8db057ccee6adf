"""`manage.py likelihood`: how probable a model finds an answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from inference.management.directories import load_text_model, model_directory


class Command(BaseCommand):
    """The estimate over randomly masked copies; nothing is written."""

    help = "Prints an estimated bound on the log-likelihood of ANSWER after PROMPT, in nats."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("model", type=Path, help="directory, or a shipped model's name")
        parser.add_argument("prompt")
        parser.add_argument("answer")
        parser.add_argument("--samples", type=int, default=128, help="masked copies (default 128)")
        parser.add_argument("--seed", type=int, default=0)

    def handle(self, *args: Any, **options: Any) -> None:
        from inference.engine.errors import EngineError
        from inference.engine.likelihood import log_likelihood

        try:
            model, tokenizer = load_text_model(model_directory(options["model"]))
            prompt = tokenizer.encode_prompt(options["prompt"])
            answer = tokenizer.encode(options["answer"])
            samples, seed = options["samples"], options["seed"]
            found = log_likelihood(model, prompt, answer, samples, seed)
        except EngineError as error:
            raise CommandError(error.message) from error
        per_token = found.value / len(answer)
        self.stdout.write(
            f"{found.value:.3f} ± {found.error:.3f} nats, {per_token:.3f} per token "
            f"({len(answer)} tokens, {found.samples} samples, seed {seed})"
        )
