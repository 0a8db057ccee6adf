"""The documents of an adaptation: written, read, kept for a resumed run, and split."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from inference.engine.chat_template import conversation_ids
from inference.engine.checkpoint import LoadedModel
from inference.engine.errors import InputError
from inference.engine.training.adaptation.documents import (
    Document,
    check_ids,
    corpus_documents,
    load_documents,
    save_documents,
)
from inference.engine.training.adaptation.questions import QUESTIONS
from inference.engine.training.adaptation.record import AdaptOrder
from inference.engine.training.adaptation.writer import Writer, collect

log = logging.getLogger(__name__)
FILE, PART = "documents.safetensors", "documents-unfinished.safetensors"
WRITING = 1 / 3
"""Share of the minutes for the parent's own texts."""
MOST_HELD = 192
TOGETHER = {"cpu": 48, "cuda": 2048}
"""Texts written in one forward."""


def documents_of(parent: LoadedModel, work: Path, order: AdaptOrder) -> list[Document]:
    """Those of the run that is resumed, else new ones, which are kept for it."""
    file = work / FILE
    if order.resume and file.exists():
        return load_documents(file)
    if order.corpus is not None:
        found = corpus_documents(parent, order.corpus, min(256, parent.context))
    else:
        found = _own_texts(parent, work, order)
    asked = {tuple(_asked(parent, question)) for question, _ in QUESTIONS}
    found = [one for one in found if tuple(one.ids[: one.begin]) not in asked]
    save_documents(found, file)
    (work / PART).unlink(missing_ok=True)
    log.info("documents %d", len(found))
    return found


def split(documents: Sequence[Document], seed: int) -> tuple[list[Document], list[Document]]:
    """A tenth is held out, at least one. Raises InputError for fewer than two documents."""
    if len(documents) < 2:
        raise InputError("There are too few documents to train on.", "documents")
    order = np.random.default_rng(seed).permutation(len(documents))
    count = min(MOST_HELD, max(1, len(documents) // 10))
    chosen = [documents[n] for n in order]
    return chosen[:count], chosen[count:]


def _own_texts(parent: LoadedModel, work: Path, order: AdaptOrder) -> list[Document]:
    """Those in `order.data`, then new ones; what an interrupted run has written is kept."""
    part = work / PART
    files = [*order.data, *([part] if order.resume and part.exists() else [])]
    known = [document for file in files for document in load_documents(file)]
    check_ids(known, parent.spec.vocab_size)
    enough = _enough(order)
    if enough(known):
        return known
    together = TOGETHER[parent.device.type]
    writer = Writer(parent, order.seed + len(known), order.temperatures, together)

    def keep(found: Sequence[Document]) -> None:
        save_documents(found, part)
        log.info("documents %d", len(found))

    return collect(writer, enough, known, keep)


def _asked(parent: LoadedModel, question: str) -> list[int]:
    """What stands before the answer to a question; nothing for a model that does not chat."""
    if parent.chat_template is None:
        return []
    return conversation_ids(parent, [{"role": "user", "content": question}])


def _enough(order: AdaptOrder) -> Callable[[list[Document]], bool]:
    if order.documents is not None:
        return lambda found: len(found) >= (order.documents or 0)
    clock = order.clock
    end = clock() + 60 * order.minutes * WRITING
    return lambda found: clock() >= end and len(found) >= 2
