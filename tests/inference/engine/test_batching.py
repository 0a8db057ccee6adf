"""Shared forwards: who shares them, what comes out, what a fault costs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from inference.engine import batch_queue
from inference.engine.batch_queue import BatchQueue, Job
from inference.engine.batching import Batcher
from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.loop import generate
from inference.engine.errors import EngineError
from inference.engine.forward import Request, forward_many, logits
from tests.inference.engine.models import MASK

Tiny = Callable[[str], LoadedModel]


class Gate:
    """A forward that waits until the test lets it through, and keeps count of its batches."""

    def __init__(self) -> None:
        self.entered, self.open = threading.Event(), threading.Event()
        self.batches: list[list[int]] = []

    def __call__(self, model: LoadedModel, requests: Sequence[Request]) -> list[Tensor]:
        self.entered.set()
        assert self.open.wait(20)
        self.batches.append([len(request.ids) for request in requests])
        if any(len(request.ids) == 13 for request in requests):
            raise EngineError("thirteen")
        return forward_many(model, requests)


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def batcher(gate: Gate) -> Iterator[Batcher]:
    made = Batcher(gate, max_sequences=4)
    yield made
    gate.open.set()
    made.close()


def _queue(batcher: Batcher, model: LoadedModel, gate: Gate, lengths: Sequence[int]) -> list:
    """Results of requests that wait together behind a first one of length 2."""
    pool = ThreadPoolExecutor(len(lengths) + 1)
    first = pool.submit(batcher, model, [Request(torch.arange(1, 3))])
    assert gate.entered.wait(20)
    waiting = []
    for number, length in enumerate(lengths, 1):
        waiting.append(pool.submit(batcher, model, [Request(torch.arange(1, length + 1))]))
        while len(batcher.queue) < number:
            pass
    gate.open.set()
    first.result(20)
    return waiting


def test_who_waits_together_shares_a_forward(batcher: Batcher, gate: Gate, tiny: Tiny) -> None:
    model = tiny("llada")
    waiting = _queue(batcher, model, gate, [5, 9, 7])
    for future, length in zip(waiting, (5, 9, 7), strict=True):
        alone = logits(model, torch.arange(1, length + 1))
        assert torch.allclose(future.result(20)[0], alone, atol=1e-4)
    assert gate.batches == [[2], [5, 9, 7]]
    assert (batcher.stats.forwards, batcher.stats.jobs, batcher.stats.largest) == (2, 4, 3)


def test_work_between_two_forwards_counts_into_the_pause_between_them(tiny: Tiny) -> None:
    """Whoever decides on the engine's thread is waited for as long as it takes to come back."""
    model, queue = tiny("llada"), BatchQueue(4, 1000)
    forward = Job(model, [Request(torch.arange(1, 3))])
    queue.answered([forward], 1.0)
    before = queue._callers[forward.caller].pause
    queue.put(Job(model, work=lambda: None))
    assert queue._callers[forward.caller].pause == before
    queue.put(Job(model, [Request(torch.arange(1, 3))]))
    assert queue._callers[forward.caller].pause != before


def _awaited(model: LoadedModel, monkeypatch: pytest.MonkeyPatch, pauses: Sequence[float]) -> bool:
    """Whether a caller that paused so long between its forwards of a second is waited for."""
    queue, clock = BatchQueue(4, 1000), SimpleNamespace(now=100.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr(batch_queue, "time", clock)
    forward = Job(model, [Request(torch.arange(1, 3))])
    for pause in pauses:
        queue.answered([forward], 1.0)
        clock.now += pause
        queue.put(forward)
        queue.drain()
    queue.answered([forward], 1.0)
    queue.put(Job(model, [Request(torch.arange(1, 3))], caller=-1))
    return queue._worth_waiting_until(clock.now + queue._window) > clock.now


@pytest.mark.parametrize(
    ("pauses", "awaited"),
    [
        pytest.param([0.02, 0.02, 0.02], True, id="short ones"),
        pytest.param([0.02, 0.02, 0.02, 3.0], True, id="one long one, as behind a first step"),
        pytest.param([3.0, 3.0, 3.0, 3.0], False, id="always long ones"),
    ],
)
def test_one_long_pause_does_not_part_a_caller_from_the_others(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch, pauses: list[float], awaited: bool
) -> None:
    assert _awaited(tiny("llada"), monkeypatch, pauses) == awaited


def test_a_thread_is_not_taken_for_one_that_has_ended(tiny: Tiny) -> None:
    """The system gives the names of threads that have ended to new ones."""
    found: list[tuple[int, int]] = []
    for _ in range(3):
        look = lambda: found.append((threading.get_ident(), Job(tiny("llada")).caller))  # noqa: E731
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    assert len({caller for _, caller in found}) == 3


def test_a_batch_has_a_limit_and_keeps_the_order(batcher: Batcher, gate: Gate, tiny: Tiny) -> None:
    waiting = _queue(batcher, tiny("llada"), gate, [3, 4, 5, 6, 7, 8])
    for future in waiting:
        future.result(20)
    assert gate.batches == [[2], [3, 4, 5, 6], [7, 8]]


def test_a_fault_stays_with_its_cause(batcher: Batcher, gate: Gate, tiny: Tiny) -> None:
    waiting = _queue(batcher, tiny("llada"), gate, [5, 13, 6])
    assert waiting[0].result(20)[0].shape[0] == 5
    assert waiting[2].result(20)[0].shape[0] == 6
    with pytest.raises(EngineError, match="thirteen"):
        waiting[1].result(20)


def test_models_do_not_share(batcher: Batcher, gate: Gate, tiny: Tiny) -> None:
    pool = ThreadPoolExecutor(2)
    first = pool.submit(batcher, tiny("llada"), [Request(torch.arange(1, 4))])
    assert gate.entered.wait(20)
    second = pool.submit(batcher, tiny("dream"), [Request(torch.arange(1, 4))])
    gate.open.set()
    assert first.result(20)[0].shape == second.result(20)[0].shape
    assert gate.batches == [[3], [3]]


def test_a_closed_batcher_answers_with_an_error(tiny: Tiny) -> None:
    batcher = Batcher()
    batcher.close()
    with pytest.raises(EngineError):
        batcher(tiny("llada"), [Request(torch.arange(1, 4))])


def test_runs_of_different_recipes_in_one_batcher_end_as_alone(tiny: Tiny) -> None:
    model = tiny("llada")
    recipes = ["llada/low_confidence", "fastdllm/threshold", "rank/random", "dream/entropy"]

    def run(recipe: str, forward: Callable[..., list[Tensor]]) -> list[int]:
        canvas = Canvas.start([5, 6, 7], 8 + len(recipe) % 5, MASK)
        params = {"temperature": 0.7}
        *_, last = generate(model, canvas, recipe, params, 11, forward=forward)
        return last.canvas.tokens

    alone = [run(recipe, forward_many) for recipe in recipes]
    batcher = Batcher()
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda recipe: run(recipe, batcher), recipes))
    batcher.close()
    assert together == alone
