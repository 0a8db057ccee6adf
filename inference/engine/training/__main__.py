"""`python -m inference.engine.training train|evaluate …`: the same doors without Django."""

from __future__ import annotations

import argparse
from pathlib import Path

from inference.engine.training.cli import (
    adapt_command,
    add_evaluate_arguments,
    add_train_arguments,
    evaluate_command,
    train_command,
)
from inference.packages import path_of


def _train(options: argparse.Namespace) -> None:
    """A task's model, or an adapter for the model in a directory."""
    if options.parent is None:
        train_command(options)
    else:
        path = path_of(options.parent) or Path(options.parent)
        options.parent = path.name if path_of(options.parent) is None else options.parent
        adapt_command(options, path)


def main() -> None:
    """Read the command line and run the chosen command."""
    parser = argparse.ArgumentParser(prog="python -m inference.engine.training")
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train")
    add_train_arguments(training)
    training.set_defaults(run=_train)
    measuring = commands.add_parser("evaluate")
    add_evaluate_arguments(measuring)
    measuring.set_defaults(run=evaluate_command)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
