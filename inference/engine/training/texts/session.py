"""A training on a text, told step by step: points, moments, checkpoints.

It goes on from any checkpoint with the same numbers as if it had never ended: weights, optimisers,
averages and random numbers are all in it. What is told before a checkpoint belongs to it; whoever
goes on from it forgets what was told afterwards.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from inference.engine.corpora.bpe import END, MASK, id_of
from inference.engine.training.model import MaskPredictor, Shape
from inference.engine.training.noise import diffusion_loss
from inference.engine.training.optim import OptimSettings
from inference.engine.training.texts.card import card
from inference.engine.training.texts.export import export
from inference.engine.training.texts.kinds import KINDS
from inference.engine.training.texts.moments import moments, point_span
from inference.engine.training.texts.objectives import held_out_loss, next_token_loss
from inference.engine.training.texts.samples import Samples
from inference.engine.training.texts.settings import Sizes
from inference.engine.training.texts.windows import Windows, make_tokenizer, make_windows
from inference.engine.training.trainer import Budget, Plan, Trainer

CHECKPOINT_SECONDS = 10.0
LOSSES = {True: next_token_loss, False: diffusion_loss}
BF16_FLAGS = {"avx512_bf16", "amx_bf16"}
Told = dict[str, Any]


@dataclass(frozen=True)
class Order:
    """What to train. `stretches` are [first step, last step]; `folder` is this holder's own.

    `resume`: the checkpoint to go on from. `corpus`: what the text is, in words; `prompt`: the
    beginning of samples.
    """

    kind: str
    label: str
    corpus: str
    prompt: str
    text: Path
    folder: Path
    stretches: list[list[int]]
    sizes: Sizes = field(default_factory=Sizes)
    seed: int = 0
    resume: Path | None = None
    device: str = "cpu"
    threads: int = 0

    @property
    def last(self) -> int:
        return self.stretches[-1][1]

    def spent(self, step: int) -> tuple[int, float]:
        """The stretch in which a step lies, and the share of it that is over."""
        number = next(n for n, (_, last) in enumerate(self.stretches) if step < last)
        first, last = self.stretches[number]
        return number, (step - first) / (last - first)


def order_json(order: Order) -> Told:
    """The order as plain values."""
    plain = asdict(order)
    paths = {name: plain[name] and str(plain[name]) for name in ("text", "folder", "resume")}
    return plain | paths


def order_of(told: Told) -> Order:
    """The order that `order_json` gave."""
    paths = {name: told[name] and Path(told[name]) for name in ("text", "folder", "resume")}
    return Order(**{**told, **paths, "sizes": Sizes(**told["sizes"])})


class TextTraining:
    """The training of an order. Raises InputError for a text that gives no windows."""

    def __init__(self, order: Order) -> None:
        self.order, self.kind = order, KINDS[order.kind]
        text = order.text.read_text(encoding="utf-8")
        self.characters = len(text)
        self.corpus_hash = hashlib.sha256(text.encode()).hexdigest()
        self.tokenizer = make_tokenizer(self.kind, text, order.sizes)
        self.windows = make_windows(self.kind, text, self.tokenizer, order.sizes)
        self.trainer = _trainer(order, self.tokenizer, self.windows)
        model: Any = self.trainer.model
        self.shown = MaskPredictor(model.shape).to(order.device)
        self.evaluation = self.windows.evaluation()
        self.samples = Samples(self.tokenizer, order.prompt, order.seed)
        self.losses: list[float] = []
        self.loss = self.held_out = float("nan")
        if order.resume is not None:
            self.trainer.folder = order.resume
            self.trainer.resume()

    @property
    def step(self) -> int:
        return self.trainer.progress.step

    @property
    def parameters(self) -> int:
        return sum(part.numel() for part in self.trainer.model.parameters())

    def run(self, asked_to_end: Callable[[], bool] = lambda: False) -> Iterator[Told]:
        """Train to the last step, or to the wish for an end, and tell of it.

        {type: ready | point | moment | checkpoint | ended, step, …}; the last one is `ended`, a
        checkpoint before it.
        """
        yield {"type": "ready", "step": self.step, "parameters": self.parameters}
        try:
            yield from self._steps(asked_to_end)
        finally:
            self.samples.close()
        yield {"type": "ended", "step": self.step, "finished": self.step >= self.order.last}

    def _steps(self, asked_to_end: Callable[[], bool]) -> Iterator[Told]:
        kept = {step for stretch in self.order.stretches for step in moments(*stretch)}
        clock = time.monotonic
        began, carried, saved = clock(), self.trainer.progress.seconds, clock()
        if self.step == 0 and 0 in kept:
            self._moment()
        while self.step < self.order.last and not asked_to_end():
            number, spent = self.order.spent(self.step)
            self.losses.append(float(self.trainer.step(spent)))
            self.trainer.progress.seconds = carried + clock() - began
            due = self.step in kept
            if due or self.step % point_span(*self.order.stretches[number]) == 0:
                yield self._point()
            if due:
                self._moment()
            yield from self.samples.ready()
            if clock() - saved > CHECKPOINT_SECONDS:
                yield from self._checkpoint()
                saved = clock()
        if self.step not in kept:  # ended early: what it has learned is kept as a model
            if self.losses:
                yield self._point()
            self._moment()
        yield from self._checkpoint()

    def _point(self) -> Told:
        """The mean loss since the last point, and the loss of what is held out."""
        first = self.step - len(self.losses) + 1
        self.loss = sum(self.losses) / len(self.losses)
        self.losses = []
        self.trainer.average.copy_to(self.shown)
        self.held_out = held_out_loss(self.shown, self.evaluation)
        progress = self.trainer.progress
        return {
            "type": "point",
            "first": first,
            "step": self.step,
            "loss": self.loss,
            "held_out": self.held_out,
            "tokens": progress.tokens,
            "seconds": round(progress.seconds, 3),
        }

    def _moment(self) -> None:
        """Keep the averaged weights as a model that can be loaded, and have it write something."""
        self.trainer.average.copy_to(self.shown)
        name = f"moment-{self.step}"
        export(self.order.folder / name, self.shown, self.tokenizer, self.card())
        told = {"type": "moment", "step": self.step, "folder": name}
        self.samples.begin(told, self.shown)

    def _checkpoint(self) -> Iterator[Told]:
        yield from self.samples.ready(wait=True)
        if self.losses:  # every step is on the curve before the checkpoint that follows it
            yield self._point()
        name = f"checkpoint-{self.step}"
        self.trainer.folder = self.order.folder / name
        self.trainer.save()
        yield {"type": "checkpoint", "step": self.step, "folder": name}

    def card(self) -> Told:
        """The model's card as things stand."""
        order, progress = self.order, self.trainer.progress
        training = {
            "steps": self.step,
            "tokens": progress.tokens,
            "seconds": round(progress.seconds, 1),
            "parameters": self.parameters,
            "loss": _finite(self.loss),
            "held_out": _finite(self.held_out),
            "seed": order.seed,
            "stretches": order.stretches,
            "corpus_characters": self.characters,
            "corpus_hash": self.corpus_hash,
            "torch": torch.__version__,
            **asdict(order.sizes),
        }
        context = order.sizes.context
        return card(self.kind, order.label, order.corpus, order.prompt, context, training)


def in_bf16(device: str) -> bool:
    """Whether products are made in bfloat16: on a GPU, and on CPUs with instructions for it."""
    if torch.device(device).type == "cuda":
        return True
    info = Path("/proc/cpuinfo")
    return info.exists() and BF16_FLAGS & set(info.read_text(encoding="utf-8").split()) != set()


def _finite(value: float) -> float | None:
    return round(value, 4) if value == value and abs(value) != float("inf") else None


def _trainer(order: Order, tokenizer: Any, windows: Windows) -> Trainer:
    sizes, causal = order.sizes, windows.causal
    torch.manual_seed(order.seed)
    shape = Shape(
        vocab_size=tokenizer.get_vocab_size(),
        context=sizes.context,
        width=sizes.width,
        layers=sizes.layers,
        heads=sizes.heads,
        mlp_width=sizes.mlp_width,
        end_id=id_of(tokenizer, END),
        mask_id=id_of(tokenizer, MASK),
        start_id=None,
        causal=causal,
    )
    plan = Plan(
        budget=Budget(steps=order.last),
        batch_size=sizes.batch_size,
        seed=order.seed,
        optim=OptimSettings(learning_rate=sizes.learning_rate),
        bf16=in_bf16(order.device),
        loss=LOSSES[causal],
    )
    model = MaskPredictor(shape).to(order.device)
    return Trainer(model, windows, plan, order.folder)
