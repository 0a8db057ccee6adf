"""The training loop: a time or step budget, checkpoints, and a loop that can be interrupted."""

from __future__ import annotations

import logging
import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from inference.engine.errors import InputError
from inference.engine.training.checkpoints import (
    STATE,
    check_settings,
    load_checkpoint,
    save_checkpoint,
)
from inference.engine.training.noise import diffusion_loss
from inference.engine.training.optim import (
    Average,
    OptimSettings,
    build_optimizers,
    rate_factor,
    set_rate,
)

logger = logging.getLogger(__name__)


class Corpus(Protocol):
    """A source of training batches; each has its token ids in an array `ids`."""

    def batch(self, size: int, rng: np.random.Generator) -> Any: ...


LossRule = Callable[[Any, Any, np.random.Generator, float], torch.Tensor]
"""(model, batch, random numbers, longest time) → the loss."""
Accumulate = Callable[[Any, Any, np.random.Generator], torch.Tensor]
"""(model, batch, random numbers) → the loss []; leaves its gradients in the parameters."""


@dataclass(frozen=True)
class Budget:
    """How long to train: minutes of work, or a number of steps where a test needs that.

    On a CPU the minutes are those of the process, so that a busy machine does not shorten the
    training; on a GPU, or with `wall`, they are minutes of the clock.
    """

    minutes: float = 5.0
    steps: int | None = None
    wall: bool = False

    def spent(self, seconds: float, step: int) -> float:
        """The share that is used up; 1 or more means that the run is over."""
        if self.steps is not None:
            return step / self.steps
        return seconds / (60 * self.minutes)


@dataclass(frozen=True)
class Plan:
    """What a run needs besides model and corpus."""

    budget: Budget
    batch_size: int = 64
    seed: int = 0
    optim: OptimSettings = field(default_factory=OptimSettings)
    early_longest_time: float = 1.0  # noise level allowed in the first half of the budget
    bf16: bool = True
    save_every_seconds: float = 120.0
    log_every: int = 100
    loss: LossRule = diffusion_loss
    accumulate: Accumulate | None = None  # instead of `loss`, for who computes gradients otherwise


@dataclass
class Progress:
    """Counters of a run; they survive a resume.

    `smooth` is the loss smoothed over about twenty steps; on a GPU it stays there, since reading it
    waits for all that is queued.
    """

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    smooth: float | torch.Tensor = float("nan")

    @property
    def loss(self) -> float:
        return float(self.smooth)

    def add(self, batch: Any, loss: float | torch.Tensor) -> None:
        """Count a step."""
        self.smooth = loss if self.step == 0 else 0.95 * self.smooth + 0.05 * loss
        self.step += 1
        self.tokens += batch.ids.size


class Trainer:
    """Trains one model on one corpus into one folder.

    `optimizers` None: those of the small models that are trained from the start. `settings`: what
    a run that goes on must have in common with this one, as JSON.
    """

    def __init__(
        self,
        model: nn.Module,
        corpus: Corpus,
        plan: Plan,
        folder: Path,
        optimizers: list[torch.optim.Optimizer] | None = None,
        settings: dict[str, Any] | None = None,
    ) -> None:
        self.model, self.corpus, self.plan, self.folder = model, corpus, plan, folder
        self.optimizers = optimizers or build_optimizers(model, plan.optim)
        self.settings = settings or {}
        self.average = Average(model)
        self.rng = np.random.default_rng(plan.seed)
        self.progress = Progress()
        self.device = next(model.parameters()).device
        self.stopping = False
        self.stretches: list[
            dict[str, float]
        ] = []  # where the run was (re)started, with what budget

    def resume(self) -> bool:
        """Go on from the folder's checkpoint; False if there is none.

        Raises InputError for one of other settings, and for one that cannot be read.
        """
        if not (self.folder / STATE).exists():
            return False
        check_settings(self.folder, self.settings)
        state = load_checkpoint(self.folder, self.model, self.optimizers, self.average)
        self.rng.bit_generator.state = state["rng"]
        counted = state["progress"]
        self.progress = Progress(
            counted["step"], counted["tokens"], counted["seconds"], counted["loss"]
        )
        self.stretches = state["stretches"]
        return True

    def save(self) -> None:
        """Write a checkpoint that `resume` understands."""
        state: dict[str, Any] = {
            "step": self.progress.step,
            "progress": {**vars(self.progress), "smooth": None, "loss": self.progress.loss},
            "rng": self.rng.bit_generator.state,
            "stretches": self.stretches,
            "settings": self.settings,
        }
        save_checkpoint(self.folder, self.model, self.optimizers, self.average, state)

    def run(self, report: Callable[[Progress, float], None] | None = None) -> Progress:
        """Train until the budget is spent or a stop is asked for; then save.

        `report` is called after every step with the counters and the share spent. Raises InputError
        for a loss that is not finite at the end.
        """
        by_clock = self.plan.budget.wall or self.device.type == "cuda"
        clock = time.monotonic if by_clock else time.process_time
        self.stretches.append(
            {"from": round(self.progress.seconds / 60, 2), "budget": self.plan.budget.minutes}
        )
        began, carried, saved = clock(), self.progress.seconds, clock()
        with _stop_on_signal(self):
            while not self.stopping:
                self.progress.seconds = carried + clock() - began
                spent = self.plan.budget.spent(self.progress.seconds, self.progress.step)
                if spent >= 1:
                    break
                self.step(spent)
                if clock() - saved > self.plan.save_every_seconds:
                    self.save()
                    saved = clock()
                if report is not None:
                    report(self.progress, spent)
        if self.progress.step and not math.isfinite(self.progress.loss):
            raise InputError("The loss is no number any more: train more slowly.", "learning_rate")
        self.save()
        return self.progress

    def step(self, spent: float) -> float | torch.Tensor:
        """One step of the optimisers at the learning rate of this share of the budget; its loss."""
        plan = self.plan
        rate = plan.optim.learning_rate * rate_factor(self.progress.step, spent, plan.optim)
        set_rate(self.optimizers, rate)
        batch = self.corpus.batch(plan.batch_size, self.rng)
        loss: float | torch.Tensor
        if plan.accumulate is not None:
            loss = plan.accumulate(self.model, batch, self.rng)
        else:
            loss = self._backward(batch, plan.early_longest_time if spent < 0.5 else 1.0)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), plan.optim.clip_norm)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.average.update(self.model)
        self.progress.add(batch, loss)
        if self.progress.step % plan.log_every == 0:
            self._log(rate)
        return loss

    def _backward(self, batch: Any, longest: float) -> float:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.plan.bf16):
            loss = self.plan.loss(self.model, batch, self.rng, longest)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.item()

    def _log(self, rate: float) -> None:
        now = self.progress
        logger.info(
            "step %d minutes %.2f Mtok %.2f loss %.4f rate %.2e",
            now.step,
            now.seconds / 60,
            now.tokens / 1e6,
            now.loss,
            rate,
        )


@contextmanager
def _stop_on_signal(trainer: Trainer) -> Iterator[None]:
    """Let an interrupt end the run after the step, with a checkpoint."""

    def stop(*_: object) -> None:
        trainer.stopping = True

    try:
        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not in the main thread: whoever owns it decides
        before = {}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
