"""The models that this worker holds, loaded once and given up when memory is short."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from django.conf import settings

from inference.engine import checkpoint
from inference.engine.checkpoint import LoadedModel
from inference.engine.errors import LoadCancelled
from inference.errors import UnmaskError
from inference.models import ModelEntry
from inference.registry import directory
from inference.runtime import devices, forwards, model_state
from inference.runtime.error_mapping import engine_errors
from inference.runtime.probe import probe

log = logging.getLogger(__name__)
_held: OrderedDict[str, LoadedModel] = OrderedDict()
_guard = threading.Lock()
_locks: dict[str, threading.Lock] = defaultdict(threading.Lock)
Cancel = Callable[[], bool]
SMALL = 2**28
"""Bytes of weights up to which float32 is as quick as bfloat16 on a CPU."""
State = ModelEntry.State
unloading: list[Callable[[LoadedModel], None]] = [lambda model: forwards.cache().drop(model)]
"""Who else holds what belongs to a model, and lets go of it."""


def get(slug: str) -> LoadedModel | None:
    """The model if this worker holds it; it counts as used now."""
    with _guard:
        if slug in _held:
            _held.move_to_end(slug)
        return _held.get(slug)


def loaded() -> list[str]:
    """Slugs of the models that this worker holds, least recently used first."""
    return list(_held)


def load(entry: ModelEntry, cancel: Cancel = lambda: False) -> LoadedModel:
    """The model of a row, loading it if need be. Two callers at once load it once.

    Raises UnmaskError: `timeout` after LOAD_TIMEOUT seconds, else `model_loading` or
    `model_unavailable`; the row's state, progress and error tell the same.
    """
    with _locks[entry.slug]:
        held = get(entry.slug)
        return held if held is not None else _load(entry, cancel)


def unload(slug: str) -> None:
    """Give a model up. Tasks that still compute with it keep it until they are done."""
    if _let_go(slug):
        devices.release()


def _let_go(slug: str) -> bool:
    """Whether it was held. By the time of `release` no name here may stand for it any more."""
    with _guard:
        gone = _held.pop(slug, None)
    if gone is None:
        return False
    model_state.unloaded(slug)
    for let_go in unloading:
        let_go(gone)
    return True


def _load(entry: ModelEntry, cancel: Cancel) -> LoadedModel:
    started = time.monotonic()
    try:
        with engine_errors():
            path = directory(entry)
            progress = model_state.Progress(entry.slug, _bytes(path))
            late = _Deadline(started + settings.LOAD_TIMEOUT, [cancel, progress.cancelled])
            model = _read(entry, path, progress, late)
    except UnmaskError as error:
        raise _recorded(entry.slug, error) from error
    with _guard:
        _held[entry.slug] = model
    model_state.loaded(entry.slug, model, _warning(model))
    log.info("model %s loaded in %.1f s", entry.slug, time.monotonic() - started)
    return model


def _recorded(slug: str, error: UnmaskError) -> UnmaskError:
    """A cancelled model can be loaded again at once; any other failure is shown as one."""
    cancelled = isinstance(error.__cause__, LoadCancelled)
    model_state.failed(slug, error, State.AVAILABLE if cancelled else State.FAILED)
    return error


def _read(
    entry: ModelEntry, path: Path, progress: model_state.Progress, late: Cancel
) -> LoadedModel:
    """Load on the preferred device; when it is full, on the CPU."""
    if not entry.is_shipped:
        probe(path)
    devices.limit_threads()
    device, size = devices.preferred(), _bytes(path)
    how: dict[str, Any] = {
        "dtype": _dtype(entry, device, size), "progress": progress, "cancel": late
    }  # fmt: skip
    _make_room(size, device)
    try:
        return checkpoint.load(path, device, **how, **_options(entry))
    except Exception as error:
        if device.type == "cpu" or not devices.is_out_of_memory(error):
            raise
    devices.release()
    return checkpoint.load(path, devices.CPU, **how)


def _options(entry: ModelEntry) -> dict[str, Any]:
    """What the model's card asks of its loading besides the precision."""
    return {name: entry.card[name] for name in ("device_map", "quantization") if name in entry.card}


def _dtype(entry: ModelEntry, device: torch.device, size: int) -> str | None:
    """The model card's `dtype`, else DTYPE; None keeps the checkpoint's own.

    Small models compute in float32 on a CPU: it costs them nothing, and then not even a near tie
    depends on who shared the forward.
    """
    asked = entry.card.get("dtype") or settings.DTYPE
    if asked != "auto":
        return str(asked)
    return "float32" if device.type == "cpu" and size <= SMALL else None


def _warning(model: LoadedModel) -> str:
    if model.device.type == devices.preferred().type:
        return ""
    return f"The device has no room for this model; it runs on the CPU. {forwards.pace(model)}"


def _make_room(needed: int, device: torch.device) -> None:
    """Unload the least recently used models until `needed` bytes fit into the budget."""
    budget = devices.memory(device)
    while _held and sum(map(_size, _held.values())) + needed > budget:
        unload(next(iter(_held)))


def _size(model: LoadedModel) -> int:
    return sum(part.numel() * part.element_size() for part in model.model.parameters())


def _bytes(path: Path) -> int:
    return sum(file.stat().st_size for file in path.glob("*.safetensors"))


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
