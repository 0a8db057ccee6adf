"""What the database learns about models: states, vocabularies, warnings."""

from __future__ import annotations

import hashlib
import logging
import time

from django.utils import timezone

from inference.engine.checkpoint import LoadedModel
from inference.errors import UnmaskError
from inference.labels import pack
from inference.models import ModelEntry, Vocabulary

log = logging.getLogger(__name__)
State = ModelEntry.State
PROGRESS_SECONDS = 0.5


class Progress:
    """Writes how far loading has come, twice a second at most."""

    def __init__(self, slug: str) -> None:
        self._slug, self._next = slug, 0.0
        # Another worker may hold it already; users must not lose it while this one loads.
        rows = ModelEntry.objects.filter(slug=slug).exclude(state=State.LOADED)
        rows.update(state=State.LOADING, progress=0.0, error="", updated=timezone.now())

    def __call__(self, part: float) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + PROGRESS_SECONDS
            change(self._slug, progress=part)


def change(slug: str, **columns: object) -> None:
    """Update columns of a model's row."""
    ModelEntry.objects.filter(slug=slug).update(updated=timezone.now(), **columns)


def loaded(slug: str, model: LoadedModel, warning: str = "") -> None:
    """All that loading tells about a model."""
    change(
        slug,
        state=State.LOADED,
        progress=1.0,
        error=warning,
        device=str(model.device),
        family=model.spec.family,
        context=model.context,
        mask_id=model.spec.mask_id,
        parameters=model.parameters,
        weights_hash=model.weights_hash,
        vocabulary=vocabulary(model),
    )


def failed(slug: str, error: UnmaskError) -> None:
    change(slug, state=State.FAILED, progress=0.0, device="", error=error.message[:500])


def unloaded(slug: str) -> None:
    change(slug, state=State.AVAILABLE, progress=0.0, device="")


def warn(model: LoadedModel, message: str) -> None:
    """Leave a plain sentence at the models that use these weights."""
    log.warning(message)
    rows = ModelEntry.objects.filter(weights_hash=model.weights_hash, state=State.LOADED)
    rows.update(error=message, device=str(model.device))


def vocabulary(model: LoadedModel) -> Vocabulary:
    """The row with the text of each of the model's tokens."""
    size = model.spec.vocab_size
    key = hashlib.sha256(f"{model.tokenizer_hash}:{size}".encode()).hexdigest()
    found = Vocabulary.objects.filter(hash=key).first()
    if found is not None:
        return found
    tokenizer = model.tokenizer
    pieces = tokenizer.pieces(size) if tokenizer else [f"[{number}]" for number in range(size)]
    columns = {"size": size, "pieces": pack(pieces)}
    return Vocabulary.objects.get_or_create(hash=key, defaults=columns)[0]
