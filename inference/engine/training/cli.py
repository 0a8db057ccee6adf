"""The trainer's and the evaluation's command lines, shared by `python -m` and manage.py."""

from __future__ import annotations

import argparse
import logging
import shlex
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import TypeVar

import torch

from inference.engine.adapters import MOST_RANK
from inference.engine.checkpoint import load
from inference.engine.errors import InputError
from inference.engine.training.card import write_card
from inference.engine.training.decode import Settings
from inference.engine.training.evaluation import Report, Row, evaluate
from inference.engine.training.order_checks import positive, seed
from inference.engine.training.run import Order, pick_device, train
from inference.engine.training.tables import text_table, write_csv, write_plot
from inference.engine.training.task import Task
from inference.engine.training.tasks import TASKS
from inference.engine.training.trainer import Progress

Number = TypeVar("Number", int, float)
SIZES = {"width": 8192, "layers": 256, "heads": 256, "mlp_width": 65_536}
"""The most of each; a model has MOST_PARAMETERS at most."""
MOST_BATCH, MOST_THREADS = 65_536, 1024
STAGES = ("train", "measure")
ADAPTATION: dict[str, tuple[str, float]] = {
    # what it means, the most that it may be
    "documents": ("conversations to write; by default for a third of the minutes", 10**7),
    "rank": ("of the added matrices", MOST_RANK),
    "block": ("tokens of a block", 1024),
    "copies": ("noisy copies of a document", 256),
    "held": ("documents of the held-out bound", 10**6),
    "show": ("minutes between two held-out bounds while it runs", float("inf")),
    "questions": ("asked for the card, 30 at most", 30),
}


def add_train_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `train_diffusion`."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--task", choices=sorted(TASKS), help="a small model from the start")
    what.add_argument("--from", dest="parent", help="an autoregressive model to adapt, by name")
    parser.add_argument("--output", type=Path, required=True, help="directory of the model")
    parser.add_argument(
        "--minutes", type=positive(float), help="CPU minutes, on a GPU minutes of the clock"
    )
    parser.add_argument(
        "--steps", type=positive(int), help="train this many steps instead of minutes"
    )
    parser.add_argument("--seed", type=seed, default=0)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument(
        "--threads", type=positive(int, MOST_THREADS), default=1, help="CPU threads (default 1)"
    )
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--start-from", type=Path, help="directory of a model to go on from")
    parser.add_argument("--batch-size", type=positive(int, MOST_BATCH))
    parser.add_argument("--learning-rate", type=positive(float))
    for size, most in SIZES.items():
        parser.add_argument(f"--{size.replace('_', '-')}", type=positive(int, most))
    _add_adaptation_arguments(parser.add_argument_group("with --from"))


def _add_adaptation_arguments(adaptation: argparse._ArgumentGroup) -> None:
    adaptation.add_argument("--corpus", type=Path, help="a text file instead of its own texts")
    adaptation.add_argument(
        "--data", type=Path, action="append", default=[], help="documents of another run"
    )
    adaptation.add_argument(
        "--temperature",
        dest="temperatures",
        type=positive(float),
        action="append",
        help="of the answers that are written; several share them (default 0.7)",
    )
    adaptation.add_argument(
        "--stage",
        choices=STAGES,
        help="train without a card, or write the card of what lies in --output (default: both)",
    )
    adaptation.add_argument(
        "--average", type=Path, help="directory of an adapter with which the mean is taken"
    )
    adaptation.add_argument(
        "--wall", action="store_true", help="count minutes of the clock on a CPU, too"
    )
    for name, (meaning, most) in ADAPTATION.items():
        adaptation.add_argument(f"--{name}", type=positive(int, most), help=meaning)


def train_command(options: argparse.Namespace) -> None:
    """Run a training with a progress bar."""
    from tqdm import tqdm

    torch.set_num_threads(options.threads)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    order = Order(
        minutes=options.minutes,
        steps=options.steps,
        seed=options.seed,
        device=options.device,
        resume=options.resume,
        start_from=options.start_from,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        sizes={size: n for size in SIZES if (n := getattr(options, size)) is not None},
    )
    with tqdm(total=1000, unit="‰", disable=not sys.stderr.isatty()) as bar:
        train(TASKS[options.task], options.output, order, _shown_on(bar))
    print(f"The model is in {options.output}.")


def adapt_command(options: argparse.Namespace, path: Path) -> None:
    """Adapt the model at a path, with a progress bar."""
    from tqdm import tqdm

    from inference.engine.training.adaptation.record import AdaptOrder
    from inference.engine.training.adaptation.run import adapt, measure, train

    torch.set_num_threads(options.threads)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    names = (
        "minutes", "steps", "corpus", "batch_size", "learning_rate", "threads", "start_from",
        "average", "wall", *ADAPTATION,
    )  # fmt: skip
    given = {name: value for name in names if (value := getattr(options, name)) is not None}
    order = AdaptOrder(
        options.parent,
        seed=options.seed,
        device=options.device,
        resume=options.resume,
        data=tuple(options.data),
        temperatures=tuple(options.temperatures or AdaptOrder.temperatures),
        **given,
    )
    if options.stage == "measure":
        measure(path, options.output, order)
        print(f"The card is in {options.output}.")
        return
    work = train if options.stage == "train" else adapt
    with tqdm(total=1000, unit="‰", disable=not sys.stderr.isatty()) as bar:
        work(path, options.output, order, _shown_on(bar))
    print(f"The adapter is in {options.output}.")


def _shown_on(bar: object) -> Callable[[Progress, float], None]:
    def show(progress: Progress, spent: float) -> None:
        if bar.disable:  # type: ignore[attr-defined]
            return
        bar.n = min(1000, int(1000 * spent))  # type: ignore[attr-defined]
        bar.set_postfix(  # type: ignore[attr-defined]
            step=progress.step, loss=f"{progress.loss:.3f}", Mtok=f"{progress.tokens / 1e6:.1f}"
        )

    return show


def add_evaluate_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `evaluate`."""
    parser.add_argument("model", type=Path, help="directory of the model")
    parser.add_argument("--task", choices=sorted(TASKS), required=True)
    parser.add_argument("--recipes", default="llada/low_confidence", help="names with commas")
    parser.add_argument("--steps", default="0", help="with commas; 0 = one token per pass")
    parser.add_argument("--block-lengths", default="0", help="with commas; 0 = one block")
    parser.add_argument("--temperatures", default="0", help="with commas")
    parser.add_argument("--eos-last", action="store_true", help="end-of-text waits for the rest")
    parser.add_argument("--count", type=positive(int), default=60, help="cases (default 60)")
    parser.add_argument("--seed", type=seed, default=0)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument(
        "--threads", type=positive(int, MOST_THREADS), default=1, help="CPU threads (default 1)"
    )
    parser.add_argument("--csv", type=Path, help="write the table here")
    parser.add_argument("--plot", type=Path, help="write the curve here (.png or .svg)")
    parser.add_argument("--card", action="store_true", help="write the model card from this")


def evaluate_command(options: argparse.Namespace) -> Report:
    """Measure, print the table, and write the files that were asked for."""
    torch.set_num_threads(options.threads)
    task = TASKS[options.task]
    model = load(options.model, device=pick_device(options.device), dtype=torch.float32)
    report = evaluate(model, task, settings_of(options), options.count, options.seed, _announce)
    print(f"ELBO {report.elbo_nats_per_token:.4f} nats per token")
    print(text_table(report.rows, task.aims))
    _write(report, task, options)
    return report


def _write(report: Report, task: Task, options: argparse.Namespace) -> None:
    if options.csv:
        write_csv(options.csv, report, task)
    if options.plot:
        write_plot(options.plot, report, task)
    if options.card:
        write_card(options.model, task, [report], [_own_command(options)])


def settings_of(options: argparse.Namespace) -> list[Settings]:
    """Every recipe with every block length, temperature and number of steps."""
    names = [name for name in options.recipes.split(",") if name]
    blocks = _numbers(options.block_lengths, "block-lengths", int)
    steps = _numbers(options.steps, "steps", int)
    warmths = _numbers(options.temperatures, "temperatures", float)
    return [
        Settings(name, count, block or None, warmth, options.eos_last, options.seed)
        for name, block, warmth, count in product(names, blocks, warmths, steps)
    ]


def _announce(row: Row) -> None:
    how = row.settings
    print(f"{how.recipe} steps {how.steps} block {how.block_length}: {row.marks}", file=sys.stderr)


def _numbers(text: str, name: str, kind: type[Number]) -> tuple[Number, ...]:
    try:
        numbers = tuple(kind(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"--{name} takes numbers with commas, not {text!r}.", name) from None
    if any(not 0 <= number < float("inf") for number in numbers):
        raise InputError(f"--{name} must not be negative.", name)
    return numbers


def _own_command(options: argparse.Namespace) -> str:
    parts = ["python", "manage.py", "evaluate", options.model.name, "--task", options.task]
    parts += ["--recipes", options.recipes, "--steps", options.steps]
    parts += ["--block-lengths", options.block_lengths, "--temperatures", options.temperatures]
    parts += ["--eos-last"] * options.eos_last
    parts += ["--card"] * options.card
    return shlex.join([*parts, "--count", str(options.count), "--seed", str(options.seed)])
