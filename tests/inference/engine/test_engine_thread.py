"""The batcher's thread: one at a time, errors go to their caller, stuck work is left behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor

from inference.engine.batching import Batcher
from inference.engine.checkpoint import LoadedModel
from inference.engine.errors import StepTimeout
from inference.engine.forward import Request, forward_many

Tiny = Callable[[str], LoadedModel]


@pytest.fixture
def engine() -> Iterator[Batcher]:
    made = Batcher()
    yield made
    made.waiting.close()  # without waiting for what is stuck


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

    with pytest.raises(Panic):
        engine.submit(panic, 5)
    assert engine.submit(lambda: 1, 5) == 1


def test_waiting_for_others_does_not_count(engine: Batcher) -> None:
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(engine.submit, lambda: time.sleep(1.0), 5)
        time.sleep(0.1)
        assert engine.submit(lambda: "in time", 0.5) == "in time"
        first.result(5)


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
        self.length, self.release = length, threading.Event()

    def __call__(self, model: LoadedModel, requests: Sequence[Request]) -> list[Tensor]:
        if any(len(request.ids) == self.length for request in requests):
            assert self.release.wait(60)
        return forward_many(model, requests)


def _request(length: int) -> Request:
    return Request(torch.arange(1, length + 1))


def test_a_stuck_forward_is_left_behind_and_the_others_go_on(tiny: Tiny) -> None:
    model, run = tiny("llada"), Sticky(13)
    engine = Batcher(run)
    with ThreadPoolExecutor(4) as pool:
        stuck = pool.submit(engine, model, [_request(13)], 0.5)
        time.sleep(0.1)
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
    engine, open_now = Batcher(run), threading.Event()
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(engine.submit, lambda: open_now.wait(20))
        time.sleep(0.05)
        sharing = [pool.submit(engine, model, [_request(n)], 0.5) for n in (13, 5)]
        while len(engine.waiting) < 2:
            time.sleep(0.01)
        open_now.set()
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
