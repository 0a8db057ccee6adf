"""The command line of training on a text: `manage.py train_text`."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import torch

from inference.engine.checkpoint import load
from inference.engine.corpora.library import LIBRARY
from inference.engine.training.export import SIDECAR, write_json
from inference.engine.training.order_checks import check_output, positive, seed
from inference.engine.training.texts.card import readme
from inference.engine.training.texts.kinds import KINDS
from inference.engine.training.texts.session import Order, TextTraining
from inference.engine.training.texts.settings import STEPS, Sizes, checked_sizes
from inference.engine.training.texts.words import judge_words


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `train_text`."""
    parser.add_argument("--kind", choices=sorted(KINDS), required=True)
    parser.add_argument("--corpus", choices=sorted(LIBRARY), required=True)
    parser.add_argument("--output", type=Path, required=True, help="directory of the model")
    parser.add_argument("--label", default="", help="the model's name on pages")
    parser.add_argument("--steps", type=positive(int, STEPS.high), default=2000)
    parser.add_argument("--seed", type=seed, default=0)
    parser.add_argument(
        "--threads", type=positive(int, 1024), default=1, help="CPU threads (default 1)"
    )
    for field in fields(Sizes):
        kind = float if field.name == "learning_rate" else int
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=positive(kind))


def train_command(options: argparse.Namespace) -> None:
    """Train, print the curve, and write the model with its card. Raises InputError."""
    torch.set_num_threads(options.threads)
    given = {field.name: getattr(options, field.name) for field in fields(Sizes)}
    check_output(options.output, resume=False)
    sizes = checked_sizes({name: value for name, value in given.items() if value is not None})
    with tempfile.TemporaryDirectory() as folder:
        order = _order(options, sizes, Path(folder))
        training = TextTraining(order)
        for told in training.run():
            _print(told)
        shutil.copytree(order.folder / f"moment-{order.last}", options.output, dirs_exist_ok=True)
        finish_card(options.output, order, command_of(options, given))


def _order(options: argparse.Namespace, sizes: Sizes, folder: Path) -> Order:
    text = folder / "corpus.txt"
    row = LIBRARY[options.corpus]
    text.write_text(row.read(0), encoding="utf-8")
    return Order(
        kind=options.kind,
        label=options.label or f"{KINDS[options.kind].label}, {row.label.lower()}",
        corpus=row.about,
        prompt=row.prompt,
        text=text,
        folder=folder,
        stretches=[[0, options.steps]],
        sizes=sizes,
        seed=options.seed,
    )


def finish_card(directory: Path, order: Order, command: str) -> None:
    """Put the command and the measured share of known words into the card."""
    card: dict[str, Any] = json.loads((directory / SIDECAR).read_text(encoding="utf-8"))
    text = order.text.read_text(encoding="utf-8")
    card["quality"] = {"words": asdict(judge_words(load(directory), text, order.prompt))}
    card["training"]["command"] = command
    write_json(directory / SIDECAR, card)
    (directory / "README.md").write_text(readme(card), encoding="utf-8")


def command_of(options: argparse.Namespace, given: dict[str, Any]) -> str:
    """The command that repeats the training."""
    words = [f"python manage.py train_text --kind {options.kind} --corpus {options.corpus}"]
    words += ["--output DIR", f"--steps {options.steps}", f"--seed {options.seed}"]
    named = {name: value for name, value in given.items() if value is not None}
    words += [f"--{name.replace('_', '-')} {value}" for name, value in named.items()]
    return " ".join(words)


def _print(told: dict[str, Any]) -> None:
    if told["type"] == "point":
        sys.stdout.write(
            f"step {told['step']} loss {told['loss']:.3f} held out {told['held_out']:.3f} "
            f"tokens {told['tokens']} seconds {told['seconds']:.0f}\n"
        )
    elif told["type"] == "moment":
        sys.stdout.write(f"  {told['sample']['prompt']!r} → {told['sample']['text']!r}\n")
    sys.stdout.flush()
