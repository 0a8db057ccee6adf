"""From a task's name to a finished model directory."""

from __future__ import annotations

import math
import platform
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer

from inference.engine.corpora.bpe import END, MASK, START, id_of
from inference.engine.errors import InputError
from inference.engine.training.export import export
from inference.engine.training.model import MaskPredictor, Shape
from inference.engine.training.noise import diffusion_loss
from inference.engine.training.optim import OptimSettings
from inference.engine.training.order_checks import CHECKPOINT, check_output
from inference.engine.training.start import start_from
from inference.engine.training.task import Task
from inference.engine.training.trainer import Budget, Plan, Progress, Trainer

MOST_PARAMETERS = 300_000_000
CHOICES = ("batch_size", "learning_rate")
"""What an order may set besides the sizes, and else suits the task."""


@dataclass(frozen=True)
class Order:
    """What a user asks for; None and empty mean what suits the task."""

    minutes: float | None = None
    steps: int | None = None
    seed: int = 0
    device: str = "auto"
    resume: bool = False
    start_from: Path | None = None
    sizes: dict[str, int] = field(default_factory=dict)
    batch_size: int | None = None
    learning_rate: float | None = None


def train(
    task: Task, folder: Path, order: Order, report: Callable[[Progress, float], None] | None = None
) -> Progress:
    """Train a task's model and export the averaged weights into `folder`.

    An interrupt ends the run early; the checkpoint stays, so that `resume` can go on. Raises
    InputError, CheckpointError for an order that cannot be carried out.
    """
    check_output(folder, order.resume)
    trainer, tokenizer = prepare(task, folder, order)
    progress = trainer.run(report)
    model: Any = trainer.model
    trainer.average.copy_to(model)
    export(folder, task, model, tokenizer, record(task, trainer, order))
    return progress


def prepare(task: Task, folder: Path, order: Order) -> tuple[Trainer, Tokenizer]:
    """The trainer of a new or resumed run, and its tokenizer."""
    device = pick_device(order.device)
    tokenizer = task.tokenizer(order.seed)
    torch.manual_seed(order.seed)
    model = MaskPredictor(shape_of(task, tokenizer, order.sizes)).to(device)
    if order.start_from is not None:
        start_from(model, order.start_from)
    corpus = task.corpus(tokenizer, order.seed)
    plan = plan_of(task, order)
    trainer = Trainer(model, corpus, plan, folder / CHECKPOINT, settings=fixed(task, model, plan))
    if order.resume:
        trainer.resume()
    return trainer, tokenizer


def fixed(task: Task, model: MaskPredictor, plan: Plan) -> dict[str, Any]:
    """What a resumed run has in common with what it goes on with."""
    shape = model.shape
    sizes = {name: getattr(shape, name) for name in ("width", "layers", "heads", "mlp_width")}
    about = {"batch_size": plan.batch_size, "learning_rate": plan.optim.learning_rate}
    return {"task": task.name, "seed": plan.seed, **sizes, **about}


def pick_device(name: str) -> torch.device:
    """ "auto" is CUDA where there is one. Raises InputError for CUDA where there is none."""
    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        raise InputError("torch finds no CUDA device here.", "device")
    if name == "auto":
        name = "cuda" if there else "cpu"
    return torch.device(name)


def shape_of(task: Task, tokenizer: Tokenizer, sizes: dict[str, int]) -> Shape:
    """The task's sizes with the user's in front; a wider model gets a wider MLP.

    Raises InputError for sizes that make no model, or one that no such trainer is for.
    """
    chosen: dict[str, Any] = task.recipe.sizes | sizes
    if "width" in sizes and "mlp_width" not in sizes:
        chosen["mlp_width"] = 16 * math.ceil(sizes["width"] * 8 / 3 / 16)
    if chosen["width"] % (2 * chosen["heads"]):
        raise InputError("width must be a multiple of twice the number of heads.", "width")
    block = 4 * chosen["width"] ** 2 + 3 * chosen["width"] * chosen["mlp_width"]
    if chosen["layers"] * block > MOST_PARAMETERS:
        raise InputError(f"Its blocks would have more than {MOST_PARAMETERS:,} weights.", "width")
    return Shape(
        vocab_size=tokenizer.get_vocab_size(),
        context=task.context,
        start_id=tokenizer.token_to_id(START),
        mask_id=id_of(tokenizer, MASK),
        end_id=id_of(tokenizer, END),
        **chosen,
    )


def plan_of(task: Task, order: Order) -> Plan:
    """The task's training settings with the user's in front."""
    recipe = task.recipe
    minutes = recipe.minutes if order.minutes is None else order.minutes
    return Plan(
        budget=Budget(minutes, order.steps),
        batch_size=order.batch_size or recipe.batch_size,
        seed=order.seed,
        optim=replace(OptimSettings(), learning_rate=order.learning_rate or recipe.learning_rate),
        early_longest_time=recipe.early_longest_time,
        loss=recipe.loss or diffusion_loss,
    )


def record(task: Task, trainer: Trainer, order: Order) -> dict[str, Any]:
    """What the model card says about the run; measured, not typed."""
    plan, progress = trainer.plan, trainer.progress
    on_gpu = trainer.device.type == "cuda"
    return {
        "command": command_of(task, plan, order),
        "minutes": round(progress.seconds / 60, 2),
        "minutes_are": "wall-clock minutes" if on_gpu else "CPU minutes of one process",
        "hardware": torch.cuda.get_device_name() if on_gpu else cpu_name(),
        "stretches": trainer.stretches,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "seed": plan.seed,
        "steps": progress.step,
        "million_tokens": round(progress.tokens / 1e6, 2),
        "batch_size": plan.batch_size,
        "learning_rate": plan.optim.learning_rate,
        "parameters": sum(p.numel() for p in trainer.model.parameters()),
        "early_longest_time": plan.early_longest_time,
    }


def command_of(task: Task, plan: Plan, order: Order) -> str:
    """The command that repeats the run from the start."""
    budget = plan.budget
    length = f"--steps {budget.steps}" if budget.steps else f"--minutes {budget.minutes:g}"
    words = ["python manage.py train_diffusion", f"--task {task.name}", "--output DIR", length]
    words += [f"--seed {plan.seed}"]
    given = {name: n for name in CHOICES if (n := getattr(order, name)) is not None}
    given |= order.sizes
    words += [f"--{name.replace('_', '-')} {n}" for name, n in given.items()]
    words += [f"--start-from {order.start_from.name}"] if order.start_from else []
    return " ".join(words)


def cpu_name() -> str:
    """The processor's name as the system tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
