"""From a causal model to a directory with an adapter that makes it denoise, and its card."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from inference.engine import checkpoint
from inference.engine.causal.engine import CausalEngine
from inference.engine.chat_template import conversation_ids
from inference.engine.checkpoint import LoadedModel
from inference.engine.errors import InputError
from inference.engine.training.adaptation.block_noise import (
    DocumentBatch,
    Noise,
    bound,
    losses,
)
from inference.engine.training.adaptation.card import write_card, write_config
from inference.engine.training.adaptation.documents import (
    Document,
    Writer,
    barred_ids,
    collect,
    corpus_documents,
    load_documents,
    save_documents,
)
from inference.engine.training.adaptation.evaluation import evaluate
from inference.engine.training.adaptation.low_rank import Adapter
from inference.engine.training.adaptation.questions import QUESTIONS
from inference.engine.training.adaptation.record import AdaptOrder, record
from inference.engine.training.optim import OptimSettings
from inference.engine.training.run import CHECKPOINT, pick_device
from inference.engine.training.trainer import Budget, Plan, Progress, Trainer

log = logging.getLogger(__name__)
Report = Callable[[Progress, float], None]
DOCUMENTS, BEFORE = "documents.safetensors", "before.json"
WRITING = 1 / 3
"""Share of the minutes for the parent's own texts."""
MASK_RATE = 5.0
"""Learning rate of the mask's vector, times that of the matrices."""
MOST_HELD = 192


def adapt(path: Path, folder: Path, order: AdaptOrder, report: Report | None = None) -> Progress:
    """Write, train, measure; an interrupt ends the training early, `resume` goes on with it.

    Raises EngineError, InputError for a model that cannot be adapted.
    """
    parent = checkpoint.load(path, pick_device(order.device), order.dtype)
    if (parent.spec.attention, parent.spec.family) != ("causal", "llama"):
        raise InputError("Only Llama models that write from left to right are adapted.", "from")
    work = folder / CHECKPOINT
    work.mkdir(parents=True, exist_ok=True)
    held, train = split(_documents(parent, work, order), order.seed)
    mask = order.mask_id if order.mask_id is not None else unused_id(parent)
    noise = Noise(order.block, mask, _end(parent), order.copies)
    adapter = Adapter(parent, order.rank, mask, order.seed)
    before = _before(adapter, noise, held[: order.held], work)
    trainer = _trainer(adapter, noise, train, work, order)
    if order.resume:
        trainer.resume()
    shown = _Watch(adapter, noise, held[: order.held // 2 or 1], order.show, report)
    progress = trainer.run(shown)
    trainer.average.copy_to(adapter)
    _export(adapter, parent, folder, order)
    bounds = {"before": before, "after": bound(adapter, noise, held[: order.held])}
    adapter.switch.on = False
    training = record(trainer, parent, order, len(train), len(held))
    twin = checkpoint.load(folder, parent.device, order.dtype)
    questions = order.questions if parent.chat_template is not None else 0
    quality = evaluate(CausalEngine(parent), twin, questions) if questions else {}
    label = f"{order.base}, denoising"
    write_card(folder, label, training, {"bounds": bounds, **quality})
    return progress


def split(documents: Sequence[Document], seed: int) -> tuple[list[Document], list[Document]]:
    """A tenth is held out, at least one. Raises InputError for fewer than two documents."""
    if len(documents) < 2:
        raise InputError("There are too few documents to train on.", "documents")
    order = np.random.default_rng(seed).permutation(len(documents))
    count = min(MOST_HELD, max(1, len(documents) // 10))
    chosen = [documents[n] for n in order]
    return chosen[:count], chosen[count:]


def unused_id(parent: LoadedModel) -> int:
    """The last special token that nothing else is named for. Raises InputError without one."""
    named = {*parent.spec.named_ids().values(), *parent.spec.end_ids}
    free = [token for token in barred_ids(parent) if token not in named]
    if not free:
        raise InputError("The vocabulary has no unused special token; name one.", "mask_id")
    return free[-1]


def _end(parent: LoadedModel) -> int:
    """With what texts end. Raises InputError for a model that knows no end."""
    ends = parent.spec.end_ids
    if not ends:
        raise InputError("This model has no token that ends a text.", "from")
    return parent.spec.eot_id if parent.spec.eot_id is not None else ends[0]


def _documents(parent: LoadedModel, work: Path, order: AdaptOrder) -> list[Document]:
    """Those of the run that is resumed, else new ones, which are kept for it."""
    file = work / DOCUMENTS
    if order.resume and file.exists():
        return load_documents(file)
    if order.corpus is not None:
        found = corpus_documents(parent, order.corpus, min(256, parent.context))
    else:
        found = collect(Writer(parent, order.seed), _enough(order))
    asked = {tuple(_asked(parent, question)) for question, _ in QUESTIONS}
    found = [one for one in found if tuple(one.ids[: one.begin]) not in asked]
    save_documents(found, file)
    log.info("documents %d", len(found))
    return found


def _asked(parent: LoadedModel, question: str) -> list[int]:
    """What stands before the answer to a question; nothing for a model that does not chat."""
    if parent.chat_template is None:
        return []
    return conversation_ids(parent, [{"role": "user", "content": question}])


def _enough(order: AdaptOrder) -> Callable[[list[Document]], bool]:
    if order.documents is not None:
        return lambda found: len(found) >= (order.documents or 0)
    end = time.process_time() + 60 * order.minutes * WRITING
    return lambda found: time.process_time() >= end and len(found) >= 2


def _before(
    adapter: Adapter, noise: Noise, held: Sequence[Document], work: Path
) -> dict[str, float]:
    """The bound of the model that is not adapted; a resumed run finds it."""
    file = work / BEFORE
    if not file.exists():
        file.write_text(json.dumps(bound(adapter, noise, held)))
    found: dict[str, float] = json.loads(file.read_text())
    return found


class _Corpus:
    """Documents in the random order of an epoch."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self._documents = documents

    def batch(self, size: int, rng: np.random.Generator) -> DocumentBatch:
        chosen = rng.choice(len(self._documents), min(size, len(self._documents)), replace=False)
        return DocumentBatch([self._documents[n] for n in chosen])


def _trainer(
    adapter: Adapter, noise: Noise, documents: Sequence[Document], work: Path, order: AdaptOrder
) -> Trainer:
    def loss(
        model: Adapter, batch: DocumentBatch, rng: np.random.Generator, longest: float
    ) -> Tensor:
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        rows = noise.rows(batch.documents, generator, model.mask.device)
        return losses(model, rows).mean()

    minutes = order.minutes if order.documents or order.corpus else order.minutes * (1 - WRITING)
    plan = Plan(
        budget=Budget(minutes, order.steps),
        batch_size=order.batch_size,
        seed=order.seed,
        optim=OptimSettings(order.learning_rate, 0.0),
        bf16=False,  # the parent's own precision decides
        loss=loss,
        log_every=20,
    )
    parts = [adapter.parts[name] for name in adapter.parts]
    groups: list[dict[str, Any]] = [
        {"params": parts},
        {"params": [adapter.mask], "scale": MASK_RATE},
    ]
    optimizer = torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.99), weight_decay=0.0)
    return Trainer(adapter, _Corpus(documents), plan, work, [optimizer])


class _Watch:
    """Logs the held-out bound every few minutes and passes the progress on."""

    def __init__(
        self,
        adapter: Adapter,
        noise: Noise,
        held: Sequence[Document],
        minutes: float,
        report: Report | None,
    ) -> None:
        self._adapter, self._noise, self._held = adapter, noise, held
        self._every, self._next, self._report = 60 * minutes, 60 * minutes, report

    def __call__(self, progress: Progress, spent: float) -> None:
        if progress.seconds >= self._next:
            self._next = progress.seconds + self._every
            table = bound(self._adapter, self._noise, self._held)
            log.info("step %d held-out bound %.3f", progress.step, table["bound"])
        if self._report is not None:
            self._report(progress, spent)


def _export(adapter: Adapter, parent: LoadedModel, folder: Path, order: AdaptOrder) -> None:
    adapter.save(folder)
    card = {"base": order.base, "sha256": parent.weights_hash, "rank": order.rank}
    facts = {
        "block_size": order.block,
        "mask_token_id": adapter.mask_id,
        "barred_token_ids": [t for t in barred_ids(parent) if t != adapter.mask_id],
        "dtype": str(parent.dtype).removeprefix("torch."),
    }
    write_config(folder, card, facts)
