"""Forward passes of a worker: cached by content, computed on the engine thread."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache as once
from typing import TypeVar

from django.conf import settings
from torch import Tensor

from inference.engine import forward
from inference.engine.checkpoint import LoadedModel
from inference.runtime import devices
from inference.runtime.cache import LogitsCache, content_key
from inference.runtime.engine_thread import EngineThread
from inference.runtime.faults import told

log = logging.getLogger(__name__)
T = TypeVar("T")
ENGINE = EngineThread()


@dataclass(frozen=True)
class Logits:
    """Rows of logits [n, V] in float32 on the model's device, and how they came about."""

    tensor: Tensor
    cached: bool
    milliseconds: float


@once
def cache() -> LogitsCache:
    """The cache of this process."""
    return LogitsCache(settings.LOGITS_CACHE_BYTES)


def submit(work: Callable[[], T], seconds: float | None = None) -> T:
    """Run `work` on the engine thread. Raises UnmaskError; `timeout` after STEP_TIMEOUT seconds."""
    with told():
        return ENGINE.submit(work, settings.STEP_TIMEOUT if seconds is None else seconds)


def logits(model: LoadedModel, ids: Sequence[int], rows: Sequence[int]) -> Logits:
    """Logits for `rows` (positions) of the sequence `ids`, from the cache or from a forward."""
    started = time.perf_counter()
    key = content_key(model.key, ids, rows)
    kept = cache().get(key)
    tensor = submit(lambda: _forward(model, ids, rows)) if kept is None else kept.float()
    if kept is None:
        cache().put(key, _packed(tensor, model))
    return Logits(tensor, kept is not None, (time.perf_counter() - started) * 1000)


def _forward(model: LoadedModel, ids: Sequence[int], rows: Sequence[int]) -> Tensor:
    try:
        return forward.logits(model, ids, rows)
    except Exception as error:
        if model.device.type == "cpu" or not devices.is_out_of_memory(error):
            raise
    _fall_back(model)
    return forward.logits(model, ids, rows)


def _fall_back(model: LoadedModel) -> None:
    """Carry on, slower, on the CPU, where memory is usually larger."""
    from inference.runtime.records import warn

    cache().clear()
    model.model.to(devices.CPU)
    model.device = devices.CPU
    devices.release()
    warn(model, "The device ran out of memory; this model now runs on the CPU, which is slower.")


def _packed(tensor: Tensor, model: LoadedModel) -> Tensor:
    """In the model's dtype where nothing is lost by it."""
    small = tensor.to(model.dtype)
    return small if small.dtype != tensor.dtype and small.float().equal(tensor) else tensor
