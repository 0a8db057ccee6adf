"""Forward passes of a worker: cached by content, joined with those of others who wait.

ENGINE is the one thread that owns the device and the one queue before it. Task threads decide
what to write by themselves; only forwards, and work that needs the device alone, go through it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache as once
from typing import Any, TypeVar

import torch
from django.conf import settings
from torch import Tensor

from inference.engine import forward as engine_forward
from inference.engine import relocation, threads
from inference.engine.batching import Batcher
from inference.engine.block_cache import BlockForward
from inference.engine.cache import CachedForward, LogitsCache
from inference.engine.causal import steps
from inference.engine.causal.pool import Turn
from inference.engine.causal.prefixes import PrefixStore
from inference.engine.checkpoint import LoadedModel
from inference.engine.errors import StepTimeout
from inference.engine.forward import Request
from inference.runtime import devices
from inference.runtime.error_mapping import engine_errors

log = logging.getLogger(__name__)
T = TypeVar("T")
PACE_TOKENS = 64


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


@once
def kept_keys() -> PrefixStore:
    """The keys and values that this process keeps, of all models, by the tokens before them."""
    return PrefixStore(settings.KV_CACHE_BYTES)


def _run(model: LoadedModel, requests: Sequence[Any]) -> list[Tensor]:
    """Forwards where the model is now; rows come back to where their request is.

    A causal model takes turns of sequences that it writes, others take whole sequences; what a
    block-causal one has computed of earlier blocks is found again.
    """
    threads.take_for(model, requests, devices.cpu_threads())
    if isinstance(requests[0], Turn):
        return steps.step(model, requests)
    forward = BlockForward(kept_keys(), engine_forward.forward_many)
    return relocation.where_it_is(forward)(model, requests)


def _rescue(model: LoadedModel, error: BaseException) -> bool:
    """Carry on, slower, on the CPU, where memory is usually larger."""
    if not relocation.may_move(model, error):
        return False
    cache().clear()
    kept_keys().drop(model.key)
    relocation.move_to_cpu(model)
    _tell(model)
    return True


def _tell(model: LoadedModel) -> None:
    """Best effort: the run goes on whether or not the database can be told of it."""
    from inference.runtime.model_state import warn

    try:
        warn(model, f"The device ran out of memory; this model now runs on the CPU. {pace(model)}")
    except Exception:
        log.exception("nobody could be told that a model moved to the CPU")


ENGINE = Batcher(_run, rescue=_rescue)


class Forwards:
    """A `forward_many` for `loop.generate`: what is kept is found, the rest joins others.

    Raises EngineError; StepTimeout after STEP_TIMEOUT seconds of one forward.
    """

    def __call__(self, model: LoadedModel, requests: Sequence[Request]) -> list[Tensor]:
        """Logits of each request's rows."""
        return CachedForward(cache(), _limited)(model, requests)

    def submit(self, work: Callable[[], T], model: LoadedModel | None = None) -> T:
        """Work that shares no forward; that of a model is done again where the model moves to."""
        return ENGINE.submit(work, settings.STEP_TIMEOUT, model)


forward = Forwards()


def _limited(model: LoadedModel, requests: Sequence[Request]) -> list[Tensor]:
    return ENGINE(model, requests, settings.STEP_TIMEOUT)


def submit(work: Callable[[], T], seconds: float | None = None) -> T:
    """Run `work` on the engine thread. Raises UnmaskError; `timeout` after STEP_TIMEOUT seconds."""
    with engine_errors():
        return ENGINE.submit(work, settings.STEP_TIMEOUT if seconds is None else seconds)


def logits(model: LoadedModel, ids: Sequence[int], rows: Sequence[int]) -> Logits:
    """Logits for `rows` (positions) of the sequence `ids`, from the cache or from a forward."""
    started = time.perf_counter()
    request = Request(_long(model, ids), _long(model, rows))
    fresh: list[bool] = []

    def run(model: LoadedModel, requests: Sequence[Request]) -> list[Tensor]:
        fresh.append(True)
        return _limited(model, requests)

    with engine_errors():
        tensor = CachedForward(cache(), run)(model, [request])[0]
    return Logits(tensor, not fresh, (time.perf_counter() - started) * 1000)


def pace(model: LoadedModel) -> str:
    """A sentence on what a step costs here, measured with one forward over a short sequence."""
    length = min(PACE_TOKENS, model.context)
    request = Request(_long(model, [0] * length), _long(model, [0]))
    started = time.monotonic()
    try:
        _limited(model, [request])
    except StepTimeout:
        return f"A step over {length} tokens takes longer than {settings.STEP_TIMEOUT} seconds."
    except Exception:  # the sentence is a courtesy: what it stands beside matters more
        log.exception("the pace of a model could not be measured")
        return "How long a step takes could not be measured."
    taken = time.monotonic() - started
    return f"A step over {length} tokens took {taken:.2g} seconds; longer texts take longer."


def metrics() -> dict[str, dict[str, float]]:
    """Figures of the engine thread and of the cache, for the worker's row."""
    stats = ENGINE.stats
    engine = {
        "busy_seconds": round(stats.busy_seconds, 3),
        "gathered_seconds": round(ENGINE.queue.gathered_seconds, 3),
        "forwards": stats.forwards,
        "requests": stats.jobs,
        "largest": stats.largest,
        "works": stats.works,
        "waiting": len(ENGINE.queue),
        "replaced": stats.replaced,
    }
    return {"engine": engine, "logits_cache": {**cache().stats(), "budget": cache().limit}}


def _long(model: LoadedModel, values: Sequence[int]) -> Tensor:
    return torch.tensor(list(values), dtype=torch.long, device=model.device)
