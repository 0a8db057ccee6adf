"""What is asked of an adaptation, and what its card says of the run; measured, not typed."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference.engine.adapters import FILE
from inference.engine.checkpoint import LoadedModel
from inference.engine.training.trainer import Trainer
from inference.packages import PACKAGED


@dataclass(frozen=True)
class AdaptOrder:
    """What a user asks for. `documents`: how many to write; None: for a third of the minutes.

    `data`: files of documents that were written before. `wall`: minutes of the clock, not of the
    process. `threads`: documents whose gradients are computed at once. `start_from`: directory with
    an adapter to go on from. `average`: with one whose numbers are averaged with the trained ones
    at the end (model soups, arXiv 2203.05482). `temperatures`: of written answers. `held`:
    documents of the held-out bound; `show`: minutes between two of them while it runs.
    """

    base: str
    minutes: float = 30.0
    steps: int | None = None
    seed: int = 0
    device: str = "auto"
    dtype: str | None = None
    resume: bool = False
    corpus: Path | None = None
    documents: int | None = None
    rank: int = 32
    block: int = 8
    copies: int = 4
    batch_size: int = 2
    learning_rate: float = 2e-3
    mask_id: int | None = None
    held: int = 12
    show: float = 12.0
    questions: int = 30
    data: tuple[Path, ...] = ()
    wall: bool = False
    threads: int = 1
    start_from: Path | None = None
    average: Path | None = None
    temperatures: tuple[float, ...] = (0.7,)

    @property
    def written(self) -> bool:
        """Whether the minutes are for training alone."""
        return bool(self.documents or self.corpus or self.data)

    @property
    def clock(self) -> Callable[[], float]:
        """Seconds by which the minutes are counted on a CPU."""
        return time.monotonic if self.wall else time.process_time


def record(
    trainer: Trainer, parent: LoadedModel, order: AdaptOrder, documents: int, held: int
) -> dict[str, Any]:
    """What the card says of the run."""
    progress = trainer.progress
    packaged = PACKAGED.get(order.base)
    on_gpu = trainer.device.type == "cuda"
    own = "a text file" if order.corpus else "conversations that the parent wrote itself"
    return {
        "trained_on": f"{order.base}, taught to denoise block by block with a low-rank adapter, on "
        f"{own}.",
        "command": command_of(order),
        "base": order.base,
        "sha256": parent.weights_hash,
        "rank": order.rank,
        "block": order.block,
        "parameters": sum(part.numel() for part in trainer.model.parameters()),
        "documents": documents,
        "held_out": held,
        "bound_of": min(order.held, held),
        "minutes": round(progress.seconds / 60, 2),
        "minutes_are": "minutes" if order.wall or on_gpu else "CPU minutes",
        "steps": progress.step,
        "batch_size": order.batch_size,
        "seed": order.seed,
        "dtype": str(parent.dtype).removeprefix("torch."),
        "context": parent.context,
        "learning_rate": order.learning_rate,
        "copies": order.copies,
        "tokens": progress.tokens,
        "license": packaged.card.get("license", "") if packaged else "",
        "start_from": _adapter(order.start_from),
        "average": _adapter(order.average),
    }


def label_of(base: str) -> str:
    """What people read of an adapted model."""
    packaged = PACKAGED.get(base)
    return f"{packaged.card['label'] if packaged else base}, denoising"


def _adapter(folder: Path | None) -> dict[str, str] | None:
    """Which adapter lies there."""
    if folder is None:
        return None
    return {"sha256": hashlib.sha256((folder / FILE).read_bytes()).hexdigest()}


def command_of(order: AdaptOrder) -> str:
    """The command that repeats the run from the start."""
    usual = AdaptOrder(order.base)
    words = [f"python manage.py train_diffusion --from {order.base} --output DIR"]
    words += [f"--steps {order.steps}"] if order.steps else [f"--minutes {order.minutes:g}"]
    for name in (
        "seed",
        "documents",
        "rank",
        "block",
        "copies",
        "batch_size",
        "learning_rate",
        "threads",
        "held",
    ):
        value = getattr(order, name)
        if value != getattr(usual, name):
            words.append(f"--{name.replace('_', '-')} {value}")
    words += [f"--corpus {order.corpus.name}"] if order.corpus else []
    if order.temperatures != usual.temperatures:
        words += [f"--temperature {value:g}" for value in order.temperatures]
    words += [f"--data {file.name}" for file in order.data]
    words += [f"--start-from {order.start_from.name}"] if order.start_from else []
    words += [f"--average {order.average.name}"] if order.average else []
    words += ["--wall"] * order.wall
    return " ".join(words)
