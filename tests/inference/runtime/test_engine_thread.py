"""The engine thread: one at a time, errors go to their caller, stuck work is left behind."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from inference.errors import UnmaskError
from inference.runtime.engine_thread import EngineThread


def test_work_of_many_threads_runs_one_at_a_time_on_one_thread() -> None:
    engine = EngineThread()
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
    assert engine.jobs_done == 40


def test_an_error_reaches_its_caller_and_nobody_else() -> None:
    engine = EngineThread()
    with pytest.raises(ZeroDivisionError):
        engine.submit(lambda: 1 // 0, 5)
    assert engine.submit(lambda: "well", 5) == "well"


def test_a_panic_that_is_no_exception_does_not_kill_the_thread() -> None:
    class Panic(BaseException):
        pass

    def panic() -> None:
        raise Panic

    engine = EngineThread()
    with pytest.raises(Panic):
        engine.submit(panic, 5)
    assert engine.submit(lambda: 1, 5) == 1


def test_stuck_work_times_out_and_others_go_on() -> None:
    engine, release = EngineThread(), threading.Event()
    with ThreadPoolExecutor(2) as pool:
        stuck = pool.submit(engine.submit, lambda: release.wait(30), 0.3)
        time.sleep(0.1)
        waiting = pool.submit(engine.submit, lambda: "served", 5)
        with pytest.raises(UnmaskError) as caught:
            stuck.result(10)
        assert waiting.result(5) == "served"
    assert caught.value.error_type == "timeout"
    assert engine.replaced == 1
    release.set()


def test_waiting_for_others_does_not_count() -> None:
    engine = EngineThread()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(engine.submit, lambda: time.sleep(1.0), 5)
        time.sleep(0.1)
        assert engine.submit(lambda: "in time", 0.5) == "in time"
        first.result(5)


def test_a_time_out_raised_by_the_work_itself_is_not_mistaken() -> None:
    def work() -> None:
        raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        EngineThread().submit(work, 5)


def test_work_may_submit_work() -> None:
    engine = EngineThread()
    assert engine.submit(lambda: engine.submit(lambda: 3, 1), 5) == 3
