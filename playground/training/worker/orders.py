"""From a training's row to the order that its child carries out."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from core.jobs.leases import Lease
from inference.engine.corpora.library import LIBRARY
from inference.engine.training.texts.session import Order
from inference.engine.training.texts.settings import Sizes
from inference.errors import UnmaskError
from inference.runtime import devices
from playground.training.models import Text, Training

OWN = "a text of its owner's."


def order_for(training: Training, lease: Lease) -> Order:
    """The order, with the text on disk. What is written lies in a folder of this holder's alone.

    Raises UnmaskError for a text that was deleted.
    """
    root = settings.TRAINING_DIR / str(training.pk)
    folder = root / f"holder-{lease.fence}"
    folder.mkdir(parents=True, exist_ok=True)
    resume = settings.TRAINING_DIR / training.checkpoint if training.checkpoint else None
    return Order(
        kind=training.kind,
        label=training.name,
        corpus=LIBRARY[training.corpus].about if training.corpus else OWN,
        prompt=training.prompt,
        text=_text_file(training, root),
        folder=folder,
        stretches=training.stretches,
        sizes=Sizes(**training.sizes),
        seed=training.seed,
        resume=resume,
        device=str(devices.preferred()),
        threads=settings.TORCH_THREADS,
    )


def _text_file(training: Training, root: Path) -> Path:
    """The training's text in its folder: the same one for every holder."""
    path = root / "corpus.txt"
    if not path.exists():
        part = path.with_name(f"corpus-{training.lease_fence}.part")
        part.write_text(_text(training), encoding="utf-8")
        part.replace(path)
    return path


def _text(training: Training) -> str:
    if training.corpus:
        return LIBRARY[training.corpus].read(0)
    own = Text.objects.filter(training=training)
    text = own.values_list("text", flat=True).first()
    if text is None:
        raise UnmaskError("conflict", "The text of this training was deleted.")
    return text
