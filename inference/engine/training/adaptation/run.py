"""From a causal model to a directory with an adapter that makes it denoise, and its card."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from inference.engine import checkpoint
from inference.engine.adapters import FILE
from inference.engine.causal.engine import CausalEngine
from inference.engine.checkpoint import LoadedModel
from inference.engine.errors import InputError
from inference.engine.threads import using_threads
from inference.engine.training.adaptation.block_noise import (
    Noise,
    bound,
)
from inference.engine.training.adaptation.card import write_card, write_config
from inference.engine.training.adaptation.documents import (
    Document,
    barred_ids,
    load_documents,
    save_documents,
)
from inference.engine.training.adaptation.evaluation import evaluate, gap_hits
from inference.engine.training.adaptation.low_rank import Adapter
from inference.engine.training.adaptation.record import AdaptOrder, label_of, record
from inference.engine.training.adaptation.sources import documents_of, split
from inference.engine.training.adaptation.training import Report, Watch, trainer_of
from inference.engine.training.export import SIDECAR
from inference.engine.training.order_checks import CHECKPOINT, check_output
from inference.engine.training.run import pick_device
from inference.engine.training.trainer import Progress

RUN, HELD = "run.json", "held.safetensors"
BEFORE, BEGUN = "before.json", "begun.json"
MEAN = 0.5
"""Share of the adapter that the result is averaged with."""


def adapt(path: Path, folder: Path, order: AdaptOrder, report: Report | None = None) -> Progress:
    """Write, train, measure; an interrupt ends the training early, `resume` goes on with it.

    Raises EngineError, InputError for a model that cannot be adapted.
    """
    progress = train(path, folder, order, report)
    measure(path, folder, order)
    return progress


def train(path: Path, folder: Path, order: AdaptOrder, report: Report | None = None) -> Progress:
    """Write and train; leaves in `folder` the adapter and what `measure` makes a card of.

    Raises EngineError, InputError.
    """
    check_output(folder, order.resume)
    parent = _parent(path, order)
    work = folder / CHECKPOINT
    work.mkdir(exist_ok=True)
    held, documents = split(documents_of(parent, work, order), order.seed)
    save_documents(held, work / HELD)
    mask = order.mask_id if order.mask_id is not None else unused_id(parent)
    noise = Noise(order.block, mask, _end(parent), order.copies)
    adapter = Adapter(parent, order.rank, mask, order.seed)
    if order.average is not None:  # told before the training that it does not fit, not after
        adapter.check(order.average / FILE, "average")
    shown = held[: order.held]
    bounds = {"before": _bound_once(adapter, noise, shown, work / BEFORE)}
    if order.start_from is not None:
        adapter.load(order.start_from / FILE)
        bounds["begun from"] = _bound_once(adapter, noise, shown, work / BEGUN)
    trainer = trainer_of(adapter, noise, documents, work, order)
    if order.resume:
        trainer.resume()
    export = partial(_export, adapter, parent, folder, order)
    watch = Watch(trainer, noise, held[: order.held // 2 or 1], order.show, export, report)
    # one a matrix where each document has a thread of its own
    with using_threads(1 if order.threads > 1 else torch.get_num_threads()):
        progress = trainer.run(watch)
    trainer.average.copy_to(adapter)
    if order.average is not None:
        adapter.load(order.average / FILE, MEAN, "average")
    export()
    bounds["after"] = bound(adapter, noise, shown)
    training = record(trainer, parent, order, len(documents), len(held))
    (work / RUN).write_text(json.dumps({"training": training, "bounds": bounds}))
    return progress


def measure(path: Path, folder: Path, order: AdaptOrder) -> None:
    """Ask the adapted model in `folder` questions, and write its card.

    Where the texts that were held out are gone, what its card says of them stays. Raises InputError
    where nothing has been trained.
    """
    run = _trained(folder)
    parent = _parent(path, order)
    twin = checkpoint.load(folder, parent.device, order.dtype)
    quality = dict(run["quality"])
    if (folder / CHECKPOINT / HELD).exists():
        quality["gaps"] = gap_hits(parent, twin, load_documents(folder / CHECKPOINT / HELD))
    if order.questions and parent.chat_template is not None:
        quality |= evaluate(CausalEngine(parent), twin, order.questions)
    write_card(folder, label_of(order.base), run["training"], quality)


def _trained(folder: Path) -> dict[str, Any]:
    """What is known of the training in a folder, `training` and `quality`: from the run itself, or
    from the card of a finished model."""
    run, card = folder / CHECKPOINT / RUN, folder / SIDECAR
    if run.exists():
        found = json.loads(run.read_text())
        return {"training": found["training"], "quality": {"bounds": found["bounds"]}}
    kept: dict[str, Any] = json.loads(card.read_text()) if card.exists() else {}
    if not {"training", "quality"} <= set(kept):
        raise InputError(f"{folder.name} holds no trained adapter.", "output")
    return kept


def _parent(path: Path, order: AdaptOrder) -> LoadedModel:
    parent = checkpoint.load(path, pick_device(order.device), order.dtype)
    if (parent.spec.attention, parent.spec.family) != ("causal", "llama"):
        raise InputError("Only Llama models that write from left to right are adapted.", "from")
    return parent


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


def _bound_once(
    adapter: Adapter, noise: Noise, held: Sequence[Document], file: Path
) -> dict[str, float]:
    """The bound of what the run began with; a resumed run finds it."""
    if not file.exists():
        file.write_text(json.dumps(bound(adapter, noise, held)))
    found: dict[str, float] = json.loads(file.read_text())
    return found


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
