"""The models that this worker holds, loaded once and given up when memory is short."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from django.conf import settings

from inference.engine.checkpoint import LoadedModel
from inference.engine.errors import CheckpointError, LoadCancelled
from inference.engine.open_model import base_of, memory_bytes
from inference.errors import UnmaskError
from inference.model_locations import directory
from inference.models import ModelEntry
from inference.runtime import devices, forwards, model_state
from inference.runtime.error_mapping import engine_errors
from inference.runtime.load_options import LoadOptions, options_for
from inference.runtime.model_files import Fingerprint, fingerprint, weight_bytes
from inference.runtime.probe import probe

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Held:
    """A model in memory, the files and options that it was loaded from, and how long that took."""

    model: LoadedModel
    source: Source
    seconds: float = 0.0


Source = tuple[Fingerprint, str]
_held: OrderedDict[str, Held] = OrderedDict()
_former: OrderedDict[tuple[str, str], LoadedModel] = OrderedDict()
"""By name and hash of the weights: what sessions under way began with and files no longer hold."""
_guard = threading.Lock()
_locks: dict[str, threading.Lock] = defaultdict(threading.Lock)
Cancel = Callable[[], bool]
State = ModelEntry.State
unloading: list[Callable[[LoadedModel], None]] = [lambda model: forwards.cache().drop(model)]
"""Who else holds what belongs to a model, and lets go of it."""


def get(slug: str) -> LoadedModel | None:
    """The model if this worker holds it; it counts as used now."""
    with _guard:
        if slug not in _held:
            return None
        _held.move_to_end(slug)
        return _held[slug].model


def is_current(entry: ModelEntry) -> bool:
    """Whether this worker holds the model as its files and its card are now."""
    with _guard:
        held = _held.get(entry.slug)
    return held is not None and held.source == _source(entry)


def loaded() -> list[str]:
    """Slugs of the models that this worker holds, least recently used first."""
    return list(_held)


def figures() -> dict[str, Any]:
    """For the worker's row: bytes that models may take, and what each takes, and where.

    `seconds`: how long loading took.
    """
    with _guard:
        held = dict(_held)
    told = {
        slug: {
            "bytes": _size(one.model),
            "device": str(one.model.device),
            "seconds": round(one.seconds, 2),
        }
        for slug, one in held.items()
    }
    return {"budget": devices.memory(devices.preferred()), "held": told}


def load(
    entry: ModelEntry, cancel: Cancel = lambda: False, weights: str | None = None
) -> LoadedModel:
    """The model of a row, loading it if need be. Two callers at once load it once.

    Files that were written anew are loaded anew. `weights` is the hash of the weights that a
    session began with: it keeps them as long as they are in memory. Raises UnmaskError: `timeout`
    after LOAD_TIMEOUT seconds, else `model_loading` or `model_unavailable`; the row's state,
    progress and error tell the same.
    """
    with _locks[entry.slug]:
        held = get(entry.slug)
        if held is not None and weights is not None:
            return _former.get((entry.slug, weights), held)
        return held if held is not None and is_current(entry) else _load(entry, cancel)


def unload(slug: str) -> None:
    """Give a model up. Tasks that still compute with it keep it until they are done."""
    if _let_go(slug):
        devices.release()


def _let_go(slug: str) -> bool:
    """Whether it was held. By the time of `release` no name here may stand for it any more."""
    with _guard:
        held = _held.pop(slug, None)
        gone = [_former.pop(key) for key in list(_former) if key[0] == slug]
    if held is None:
        return False
    model_state.unloaded(slug)
    _forget([held.model, *gone])
    return True


def _forget(models: Sequence[LoadedModel]) -> None:
    """Whoever else holds what belongs to a model lets go of it."""
    for model in models:
        for let_go in unloading:
            let_go(model)


def _load(entry: ModelEntry, cancel: Cancel) -> LoadedModel:
    started = time.monotonic()
    try:
        with engine_errors():
            path, source = directory(entry), _source(entry)
            progress = model_state.Progress(entry.slug, weight_bytes(path))
            late = _Deadline(started + settings.LOAD_TIMEOUT, [cancel, progress.cancelled])
            model = _read(entry, path, progress, late)
    except UnmaskError as error:
        raise _recorded(entry.slug, error) from error
    seconds = time.monotonic() - started
    _hold(entry.slug, Held(model, source, seconds))
    model_state.loaded(entry.slug, model, _warning(model))
    log.info("model %s loaded in %.1f s", entry.slug, seconds)
    return model


def _hold(slug: str, held: Held) -> None:
    """Keep a model; another one of this name goes on serving the sessions that began with it."""
    with _guard:
        before = _held.get(slug)
        if before is not None and before.model.weights_hash != held.model.weights_hash:
            _former[slug, before.model.weights_hash] = before.model
        _held[slug] = held
        _held.move_to_end(slug)


def _source(entry: ModelEntry) -> Source:
    """What a model in memory depends on besides this process: its files and its card."""
    with engine_errors():
        return fingerprint(directory(entry)), json.dumps(entry.card, sort_keys=True)


def _recorded(slug: str, error: UnmaskError) -> UnmaskError:
    """A cancelled model can be loaded again at once; any other failure is shown as one."""
    cancelled = isinstance(error.__cause__, LoadCancelled)
    model_state.failed(slug, error, State.AVAILABLE if cancelled else State.FAILED)
    return error


def _read(
    entry: ModelEntry, path: Path, progress: model_state.Progress, late: Cancel
) -> LoadedModel:
    """Load on the preferred device; when it is full, on the CPU."""
    if not entry.is_shipped and entry.owner_id is None:  # those that are trained here are known
        for part in (path, base_of(path)):
            if part is not None:
                probe(part, settings.LOAD_TIMEOUT, cancel=late)
    devices.take_all_threads()
    options = options_for(entry.card)
    how: dict[str, Any] = {"progress": progress, "cancel": late, "needs_tokenizer": True}
    _make_room(memory_bytes(path), options.device)
    try:
        return options.load(path, **how)
    except Exception as error:
        if options.device.type == "cpu" or not devices.is_out_of_memory(error):
            raise
    devices.release()
    return _on_the_cpu(options).load(path, **how)


def _on_the_cpu(options: LoadOptions) -> LoadOptions:
    """The same where there is more memory: as it was asked for, or not at all.

    Raises CheckpointError for a device map, which names devices that have no room.
    """
    if options.device_map is not None:
        raise CheckpointError(
            "The devices of this model's device_map have no room for it. Free memory there, or "
            "take device_map out of its unmask.json.",
            "device_map",
        )
    return replace(options, device=devices.CPU)


def _warning(model: LoadedModel) -> str:
    if model.device.type == devices.preferred().type:
        return ""
    return f"The device has no room for this model; it runs on the CPU. {forwards.pace(model)}"


def _make_room(needed: int, device: torch.device) -> None:
    """Unload the least recently used models until `needed` bytes fit into the budget."""
    budget = devices.memory(device)
    while _in_memory() + needed > budget and (_former or _held):
        if _former:
            _forget([_former.popitem(last=False)[1]])
            devices.release()
        else:
            unload(next(iter(_held)))


def _in_memory() -> int:
    with _guard:
        models = [*(held.model for held in _held.values()), *_former.values()]
    return sum(map(_size, models))


def _size(model: LoadedModel) -> int:
    return sum(part.numel() * part.element_size() for part in model.model.parameters())


class _Deadline:
    """Answers true when somebody cancels; raises `timeout` when the time is over."""

    def __init__(self, moment: float, cancels: Sequence[Cancel]) -> None:
        self._moment, self._cancels = moment, cancels

    def __call__(self) -> bool:
        if time.monotonic() > self._moment:
            raise UnmaskError(
                "timeout",
                f"Loading took longer than {settings.LOAD_TIMEOUT} seconds and was given up. Try "
                "a smaller model, or raise LOAD_TIMEOUT.",
            )
        return any(cancel() for cancel in self._cancels)
