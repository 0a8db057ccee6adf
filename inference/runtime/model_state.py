"""The state of models in the database: loading progress, vocabularies, warnings."""

from __future__ import annotations

import logging
import time

from django.db.models import F
from django.utils import timezone

from inference.bells import send
from inference.engine.checkpoint import LoadedModel
from inference.engine.families.spec import ModelSpec
from inference.errors import UnmaskError
from inference.events import MODELS_GROUP
from inference.labels import pack, vocabulary_hash
from inference.models import ModelEntry, Vocabulary

log = logging.getLogger(__name__)
State = ModelEntry.State
PROGRESS_SECONDS = 0.25


class Progress:
    """Writes how far loading has come and hears whether it shall end, four times a second."""

    def __init__(self, slug: str, total: int) -> None:
        self._slug, self._total, self._next, self._cancel = slug, total, 0.0, 0.0
        self._asked = False
        # Another worker may hold it already; users must not lose it while this one loads.
        rows = ModelEntry.every.filter(slug=slug).exclude(state=State.LOADED)
        rows.update(
            state=State.LOADING,
            progress=0.0,
            bytes_loaded=0,
            bytes_total=total,
            cancel_requested=False,
            error="",
            updated=timezone.now(),
        )
        _ring(slug, State.LOADING, 0.0)

    def __call__(self, part: float) -> None:
        """Note that this part of the weights, 0 to 1, has been read."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + PROGRESS_SECONDS
            change(self._slug, progress=part, bytes_loaded=int(part * self._total))
            _ring(self._slug, State.LOADING, part)

    def cancelled(self) -> bool:
        """Whether somebody has asked for the end of this loading (see registry.cancel_load)."""
        if not self._asked and time.monotonic() >= self._cancel:
            self._cancel = time.monotonic() + PROGRESS_SECONDS
            rows = ModelEntry.every.filter(slug=self._slug, cancel_requested=True)
            self._asked = rows.exists()
        return self._asked


def change(slug: str, **columns: object) -> None:
    """Update columns of a model's row, and say so if its state is one of them."""
    ModelEntry.every.filter(slug=slug).update(updated=timezone.now(), **columns)
    if "state" in columns:
        _ring(slug, str(columns["state"]), float(str(columns.get("progress", 0))))


def _ring(slug: str, state: str, progress: float) -> None:
    send(
        MODELS_GROUP,
        {"type": "model.bell", "slug": slug, "state": str(state), "progress": progress},
    )


def loaded(slug: str, model: LoadedModel, warning: str = "") -> None:
    """All that loading tells about a model."""
    change(
        slug,
        state=State.LOADED,
        progress=1.0,
        bytes_loaded=F("bytes_total"),
        cancel_requested=False,
        error=warning,
        device=str(model.device),
        family=model.spec.family,
        context=model.context,
        mask_id=model.spec.mask_id,
        edit_ids=edit_ids(model.spec),
        parameters=model.parameters,
        weights_hash=model.weights_hash,
        vocabulary=vocabulary(model),
    )


def edit_ids(spec: ModelSpec) -> dict[str, int]:
    """Ids of the tokens that edit the canvas instead of being written; empty for most models."""
    if spec.length != "edits":
        return {}
    ids = {"expand": spec.expand_id, "delete": spec.delete_id}
    return {name: id for name, id in ids.items() if id is not None}


def still_loaded(slug: str) -> None:
    """Say again that a worker holds the model, if the row says otherwise."""
    if ModelEntry.every.filter(slug=slug).exclude(state=State.LOADED).exists():
        change(slug, state=State.LOADED, progress=1.0)


def failed(slug: str, error: UnmaskError, state: str = State.FAILED) -> None:
    """Loading came to nothing; the row says why."""
    change(
        slug,
        state=state,
        progress=0.0,
        bytes_loaded=0,
        cancel_requested=False,
        device="",
        error=error.message[:500],
    )


def unloaded(slug: str) -> None:
    """The model is on disk only."""
    change(slug, state=State.AVAILABLE, progress=0.0, bytes_loaded=0, device="")


def warn(model: LoadedModel, message: str) -> None:
    """Leave a plain sentence at the models that use these weights."""
    log.warning("%s", message)
    rows = ModelEntry.every.filter(weights_hash=model.weights_hash, state=State.LOADED)
    rows.update(error=message[:500], device=str(model.device))


def vocabulary(model: LoadedModel) -> Vocabulary:
    """The row with the text of each of the model's tokens."""
    size = model.spec.vocab_size
    key = vocabulary_hash(model.tokenizer_hash, size)
    found = Vocabulary.objects.filter(hash=key).first()
    if found is not None:
        return found
    tokenizer = model.tokenizer
    pieces = tokenizer.raw_pieces(size) if tokenizer else [f"[{number}]" for number in range(size)]
    special = [i for i in tokenizer.special if i < size] if tokenizer else []
    columns = {"size": size, "pieces": pack(pieces, special)}
    return Vocabulary.objects.get_or_create(hash=key, defaults=columns)[0]
