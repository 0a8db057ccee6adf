"""The batcher's thread: one at a time, errors go to their caller, stuck work is left behind."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from inference.engine.batching import Batcher
from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding import kv_cache
from inference.engine.decoding.loop import generate
from inference.engine.decoding.params import Params
from inference.engine.decoding.rng import seeded
from inference.engine.decoding.sources import Reader
from inference.engine.decoding.view import Block, RunState
from inference.engine.errors import EngineError, StepTimeout
from inference.engine.forward import ForwardMany, Request, forward_many
from tests.inference.engine.models import load_tiny

Tiny = Callable[[str], LoadedModel]


@pytest.fixture
def engine() -> Iterator[Batcher]:
    made = Batcher()
    yield made
    made.queue.close()  # without waiting for what is stuck


def test_work_of_many_threads_runs_one_at_a_time_on_one_thread(engine: Batcher) -> None:
    running: list[int] = []
    overlaps: list[int] = []
    names: set[str] = set()

    def work(number: int) -> int:
        running.append(number)
        overlaps.append(len(running))
        names.add(threading.current_thread().name)
        time.sleep(0.002)
        running.pop()
        return number * 2

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda n: engine.submit(lambda: work(n), 5), range(40)))
    assert results == [n * 2 for n in range(40)]
    assert max(overlaps) == 1
    assert names == {"engine"}
    assert (engine.stats.works, engine.stats.forwards) == (40, 0)


def test_an_error_reaches_its_caller_and_nobody_else(engine: Batcher) -> None:
    with pytest.raises(ZeroDivisionError):
        engine.submit(lambda: 1 // 0, 5)
    assert engine.submit(lambda: "well", 5) == "well"


def test_a_panic_that_is_no_exception_does_not_kill_the_thread(engine: Batcher) -> None:
    class Panic(BaseException):
        pass

    def panic() -> None:
        raise Panic

    with pytest.raises(EngineError) as caught:
        engine.submit(panic, 5)
    assert isinstance(caught.value.__cause__, Panic)
    assert engine.submit(lambda: 1, 5) == 1


@pytest.mark.parametrize("end", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_work_that_would_end_a_thread_ends_itself_alone(
    engine: Batcher, end: type[BaseException]
) -> None:
    """In the engine's thread and, as an error, in the caller's."""

    def leave() -> None:
        raise end

    with ThreadPoolExecutor(1) as pool:
        for _ in range(2):
            with pytest.raises(EngineError):
                pool.submit(engine.submit, leave, 5).result(20)
        assert pool.submit(engine.submit, lambda: 7, 5).result(20) == 7


def test_waiting_for_others_does_not_count(engine: Batcher) -> None:
    with ThreadPoolExecutor(2) as pool:
        entered = threading.Event()
        first = pool.submit(engine.submit, lambda: (entered.set(), time.sleep(2.5)), 20)
        assert entered.wait(20)
        assert engine.submit(lambda: "in time", 2) == "in time"
        first.result(20)


def test_a_time_out_raised_by_the_work_itself_is_not_mistaken(engine: Batcher) -> None:
    def work() -> None:
        raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        engine.submit(work, 5)


def test_work_may_submit_work(engine: Batcher) -> None:
    assert engine.submit(lambda: engine.submit(lambda: 3, 1), 5) == 3


class Sticky:
    """A forward that hangs on sequences of one length until it is released."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.entered, self.release = threading.Event(), threading.Event()

    def __call__(self, model: LoadedModel, requests: Sequence[Request]) -> list[Tensor]:
        if any(len(request.ids) == self.length for request in requests):
            self.entered.set()
            assert self.release.wait(60)
        return forward_many(model, requests)


class Shut:
    """Work that lasts until it is opened, so that others wait in line behind it."""

    def __init__(self) -> None:
        self.entered, self.opened = threading.Event(), threading.Event()

    def __call__(self) -> bool:
        self.entered.set()
        return self.opened.wait(20)


def _request(length: int) -> Request:
    return Request(torch.arange(1, length + 1))


def test_a_stuck_forward_is_left_behind_and_the_others_go_on(tiny: Tiny) -> None:
    model, run = tiny("llada"), Sticky(13)
    engine = Batcher(run)
    with ThreadPoolExecutor(4) as pool:
        stuck = pool.submit(engine, model, [_request(13)], 0.5)
        assert run.entered.wait(20)
        others = [pool.submit(engine, model, [_request(n)], 20) for n in (5, 7)]
        with pytest.raises(StepTimeout):
            stuck.result(20)
        assert [len(other.result(20)[0]) for other in others] == [5, 7]
    assert engine.stats.replaced == 1
    run.release.set()
    assert len(engine(model, [_request(6)], 20)[0]) == 6
    engine.close()


def test_those_who_shared_a_stuck_forward_leave_one_thread_behind(tiny: Tiny) -> None:
    model, run = tiny("llada"), Sticky(13)
    engine, shut = Batcher(run), Shut()
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(engine.submit, shut)
        assert shut.entered.wait(20)
        sharing = [pool.submit(engine, model, [_request(n)], 0.5) for n in (13, 5)]
        while len(engine.queue) < 2:
            time.sleep(0.01)
        shut.opened.set()
        for one in sharing:
            with pytest.raises(StepTimeout):
                one.result(20)
        assert engine.submit(lambda: "goes on", 20) == "goes on"
        first.result(1)
    assert engine.stats.replaced == 1
    run.release.set()
    engine.close()


def test_a_failed_forward_is_tried_once_more_after_a_rescue(tiny: Tiny) -> None:
    model, asked = tiny("llada"), []

    def full(model: LoadedModel, requests: Sequence[Request]) -> list[Tensor]:
        if not asked:
            raise torch.OutOfMemoryError("no room")
        return forward_many(model, requests)

    def rescue(model: LoadedModel, error: BaseException) -> bool:
        asked.append(type(error))
        return True

    engine = Batcher(full, rescue=rescue)
    assert len(engine(model, [_request(4)], 20)[0]) == 4
    assert asked == [torch.OutOfMemoryError]
    engine.close()


def _full(*_: object) -> list[Tensor]:
    raise torch.OutOfMemoryError("no room")


def test_a_rescue_that_fails_itself_costs_its_caller_only(tiny: Tiny) -> None:
    def broken(model: LoadedModel, error: BaseException) -> bool:
        raise RuntimeError("database is locked")

    engine = Batcher(_full, rescue=broken)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(engine, tiny("llada"), [_request(4)], 2)
        with pytest.raises(torch.OutOfMemoryError):
            asked.result(20)
    thread = engine._thread
    assert engine.submit(lambda: "goes on", 5) == "goes on"
    assert engine._thread is thread
    engine.close()


def test_work_of_a_model_is_rescued_like_its_forwards(tiny: Tiny) -> None:
    model, asked = tiny("llada"), []

    def rescue(model: LoadedModel, error: BaseException) -> bool:
        asked.append(model)
        return True

    def work() -> str:
        return "well" if asked else str(_full())

    engine = Batcher(rescue=rescue)
    assert engine.submit(work, 5, model) == "well"
    assert [one is model for one in asked] == [True]
    engine.close()


@pytest.mark.parametrize(
    ("name", "recipe"),
    [
        ("llada", "fastdllm/prefix_schedule"),
        ("llada", "fastdllm/dual_schedule"),
        ("diffusion_gemma", "diffusion_gemma"),
    ],
)
def test_recipes_that_share_no_forward_are_rescued_too(
    name: str, recipe: str, tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of a block, with what they keep on a device that the model then leaves."""
    model = replace(tiny(name), device=torch.device("cpu:0"))
    canvas = Canvas.start([5, 6, 7], 6, model.spec.open_id)
    alone = _tokens(model, canvas, recipe, forward_many)
    body, calls, asked = _body(model), [], []
    whole = body.forward

    def full_once(*parts: Any, **options: Any) -> Any:
        calls.append(1)
        return _full() if len(calls) == 3 else whole(*parts, **options)

    def rescue(model: LoadedModel, error: BaseException) -> bool:
        asked.append(type(error))
        model.device = torch.device("cpu")
        return True

    monkeypatch.setattr(body, "forward", full_once)
    engine = Batcher(rescue=rescue)
    assert _tokens(model, canvas, recipe, engine) == alone
    assert asked == [torch.OutOfMemoryError]
    engine.close()


def _body(model: LoadedModel) -> Any:
    inner: Any = model.model.model
    return inner.layers[0] if model.spec.family == "llada" else model.model


def _tokens(model: LoadedModel, canvas: Canvas, recipe: str, forward: ForwardMany) -> list[int]:
    *_, last = generate(model, canvas, recipe, {"steps": 6}, 3, forward=forward)
    return last.canvas.tokens


def test_a_cache_on_a_device_that_the_model_left_is_made_again(tiny: Tiny) -> None:
    model = replace(tiny("llada"), device=torch.device("cpu:0"))
    reader = Reader(model, forward_many, seeded(0))
    block = Block((3, 4, 5), (3, 6), 3, 0, 0)
    canvas = Canvas.start([5, 6, 7], 6, model.spec.open_id)
    state = RunState(model.spec, Params(), canvas, 0, {})
    begun, kept = kv_cache.dual(reader, state, block), reader.kept
    kv_cache.dual(reader, state, block)
    assert reader.kept is kept
    model.device = torch.device("cpu")
    again = kv_cache.dual(reader, state, block)
    assert reader.kept is not kept
    assert torch.allclose(again.logits, begun.logits, atol=1e-5)


def test_work_of_a_model_shares_no_forward_of_it(tiny: Tiny) -> None:
    model, engine, shut = tiny("llada"), Batcher(), Shut()
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(engine.submit, shut)
        assert shut.entered.wait(20)
        shared = pool.submit(engine, model, [_request(4)])
        alone = pool.submit(engine.submit, lambda: "alone", None, model)
        while len(engine.queue) < 2:
            time.sleep(0.01)
        shut.opened.set()
        assert (first.result(20), alone.result(20)) == (True, "alone")
        assert len(shared.result(20)[0]) == 4
    engine.close()


def test_an_idle_engine_holds_on_to_no_model(engine: Batcher, tmp_path: Path) -> None:
    model = load_tiny(tmp_path, "llada")
    engine(model, [_request(4)], 20)
    engine.submit(lambda: None, 20, model)
    engine(model, [_request(4)], 20)
    gone = weakref.ref(model)
    del model
    deadline = time.monotonic() + 2  # its thread may still be on the way back to the queue
    while gone() is not None and time.monotonic() < deadline:
        gc.collect()
        time.sleep(0.02)
    assert gone() is None
