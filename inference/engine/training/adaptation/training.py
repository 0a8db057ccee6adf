"""What trains an adapter: batches of documents, the optimiser, and what is shown on the way."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from inference.engine.training.adaptation.block_noise import (
    DocumentBatch,
    Noise,
    accumulate,
    bound,
)
from inference.engine.training.adaptation.documents import Document
from inference.engine.training.adaptation.low_rank import Adapter
from inference.engine.training.adaptation.record import AdaptOrder
from inference.engine.training.adaptation.sources import WRITING
from inference.engine.training.optim import OptimSettings
from inference.engine.training.trainer import Budget, Plan, Progress, Trainer

log = logging.getLogger(__name__)
Report = Callable[[Progress, float], None]
MOST_TOGETHER = 64
"""Documents in one forward of the training."""
MASK_RATE = 5.0
"""Learning rate of the mask's vector, times that of the matrices."""
WARM_UP, DECAY_SHARE = 20, 0.9
"""Steps in which the learning rate rises, and the last share of the run in which it falls to 0."""
FIXED = ("base", "seed", "rank", "block", "copies", "batch_size", "learning_rate")
"""What a resumed run has in common with what it goes on with."""
NEIGHBOURS = 8
"""Documents of like length from which one is drawn."""


class _Corpus:
    """Batches of documents of like length, so that none waits long for another or is padded far."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self._documents = sorted(documents, key=lambda one: len(one.ids))

    def batch(self, size: int, rng: np.random.Generator) -> DocumentBatch:
        """`size` documents of a random stretch."""
        reach = min(len(self._documents), NEIGHBOURS * size)
        start = int(rng.integers(len(self._documents) - reach + 1))
        chosen = start + rng.choice(reach, min(size, reach), replace=False)
        return DocumentBatch([self._documents[n] for n in chosen])


def trainer_of(
    adapter: Adapter, noise: Noise, documents: Sequence[Document], work: Path, order: AdaptOrder
) -> Trainer:
    """What trains the adapter on documents; its checkpoints go to `work`."""
    pool = ThreadPoolExecutor(order.threads) if order.threads > 1 else None

    def gradients(model: Adapter, batch: DocumentBatch, rng: np.random.Generator) -> Tensor:
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        size = 1 if pool else MOST_TOGETHER
        chosen = batch.documents
        shares = [chosen[i : i + size] for i in range(0, len(chosen), size)]
        parts = [noise.rows(share, generator, model.mask.device) for share in shares]
        return accumulate(model, parts, pool)

    minutes = order.minutes if order.written else order.minutes * (1 - WRITING)
    plan = Plan(
        budget=Budget(minutes, order.steps, order.wall),
        batch_size=order.batch_size,
        seed=order.seed,
        optim=OptimSettings(
            order.learning_rate, 0.0, warm_up=WARM_UP, decay_share=DECAY_SHARE, floor=0.0
        ),
        accumulate=gradients,
        log_every=20,
    )
    parts = [adapter.parts[name] for name in adapter.parts]
    groups: list[dict[str, Any]] = [
        {"params": parts},
        {"params": [adapter.mask], "scale": MASK_RATE},
    ]
    optimizer = torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.99), weight_decay=0.0)
    settings = {name: getattr(order, name) for name in FIXED} | {"mask_id": adapter.mask_id}
    return Trainer(adapter, _Corpus(documents), plan, work, [optimizer], settings)


class Watch:
    """Every few minutes logs the held-out bound and exports; passes the progress on."""

    def __init__(
        self,
        trainer: Trainer,
        noise: Noise,
        held: Sequence[Document],
        minutes: float,
        export: Callable[[], None],
        report: Report | None,
    ) -> None:
        self._trainer, self._noise, self._held = trainer, noise, held
        self._every, self._next = 60 * minutes, 60 * minutes
        self._export, self._report = export, report

    def __call__(self, progress: Progress, spent: float) -> None:
        if progress.seconds >= self._next:
            self._next = progress.seconds + self._every
            self._show(progress.step)
        if self._report is not None:
            self._report(progress, spent)

    def _show(self, step: int) -> None:
        model = self._trainer.model
        with _averaged(self._trainer):
            table = bound(model, self._noise, self._held)  # type: ignore[arg-type]
            self._export()
        log.info("step %d held-out bound %.3f", step, table["bound"])


@contextmanager
def _averaged(trainer: Trainer) -> Iterator[None]:
    """The averaged weights for a while."""
    own = {name: part.detach().clone() for name, part in trainer.model.named_parameters()}
    trainer.average.copy_to(trainer.model)
    try:
        yield
    finally:
        with torch.no_grad():
            for name, part in trainer.model.named_parameters():
                part.copy_(own[name])
