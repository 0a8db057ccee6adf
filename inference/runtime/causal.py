"""What autoregressive models of this worker write, judge and would write next.

Each function is called from task threads and blocks; forwards of several requests for the same
model are computed together on the engine's thread. All raise UnmaskError.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any, TypeVar

from django.conf import settings
from torch import Tensor

from inference.engine.causal import lookahead as ahead
from inference.engine.causal import scores
from inference.engine.causal.engine import CausalEngine
from inference.engine.causal.lookahead import NextToken
from inference.engine.causal.results import Candidate, Judged, TokenResult
from inference.engine.causal.sampling import Sampling
from inference.engine.causal.scores import TextScore
from inference.engine.checkpoint import LoadedModel
from inference.runtime import forwards, models
from inference.runtime.error_mapping import engine_errors

T = TypeVar("T")
_engines: dict[str, CausalEngine] = {}
_guard = threading.Lock()


def engine(model: LoadedModel) -> CausalEngine:
    """The engine of a loaded model, made when it is first asked for."""
    with _guard, engine_errors():
        held = _engines.get(model.key)
        if held is None or held.model is not model:
            held = CausalEngine(
                model, forwards.kept_keys(), _forward, _submit, settings.KV_CACHE_BYTES
            )
            _engines[model.key] = held
        return held


def generate(
    model: LoadedModel,
    ids: Sequence[int],
    sampling: Sampling | None = None,
    max_tokens: int | None = None,
    top: int = 0,
    written: int = 0,
    end: bool = True,
) -> Generator[TokenResult]:
    """Tokens that follow `ids`, as `CausalEngine.generate` has it. Close it to end it early."""
    with engine_errors():
        yield from engine(model).generate(ids, sampling, max_tokens, top, written, end)


def next_distribution(
    model: LoadedModel, ids: Sequence[int], top: int = 10, sampling: Sampling | None = None
) -> list[Candidate]:
    """The most probable next tokens, best first."""
    with engine_errors():
        return engine(model).next_distribution(ids, top, sampling)


def judge(model: LoadedModel, ids: Sequence[int], top: int = 0) -> list[Judged]:
    """Log-probabilities of the tokens of a text."""
    with engine_errors():
        return engine(model).judge(ids, top)


def lookahead(
    model: LoadedModel,
    ids: Sequence[int],
    sampling: Sampling,
    draws: bool = False,
    top: int = 10,
    count: int = 1,
) -> Iterator[NextToken]:
    """Distributions of the next tokens, as `engine.causal.lookahead` has it."""
    with engine_errors():
        yield from ahead.lookahead(engine(model), ids, sampling, draws, top, count)


def score_text(
    model: LoadedModel, text: str, prompt: str = "", top: int = 0, whole: bool = False
) -> TextScore:
    """How probable a model finds a text; its `perplexity` is the generative one of a sample."""
    with engine_errors():
        return scores.score_text(engine(model), text, prompt, top, whole)


def score_ids(
    model: LoadedModel,
    ids: Sequence[int],
    before: Sequence[int] = (),
    top: int = 0,
    whole: bool = False,
) -> TextScore:
    """The same for token ids."""
    with engine_errors():
        return scores.score_ids(engine(model), ids, before, top, whole)


def score_line(
    model: LoadedModel, ids: Sequence[int], before: Sequence[int], top: int = 0
) -> list[Judged]:
    """Tokens behind a text as they were judged when they were written."""
    with engine_errors():
        return scores.score_line(engine(model), ids, before, top)


def forget(model: LoadedModel) -> None:
    """Lets go of an unloaded model and of its keys and values."""
    forwards.kept_keys().drop(model.key)
    with _guard:
        _engines.pop(model.key, None)


def metrics() -> dict[str, dict[str, int]]:
    """Figures of the kept keys and values, for the worker's row."""
    return {"kv_cache": {**forwards.kept_keys().stats(), "budget": forwards.kept_keys().limit}}


def _forward(model: LoadedModel, turns: Sequence[Any]) -> list[Tensor]:
    return forwards.ENGINE(model, turns, settings.STEP_TIMEOUT)


def _submit(work: Callable[[], T]) -> T:
    return forwards.ENGINE.submit(work, settings.STEP_TIMEOUT)


models.unloading.append(forget)
