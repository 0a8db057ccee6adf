"""Steps handed over to the engine's thread: who makes them, who waits, what a fault leaves."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch

from inference.engine.batching import Batcher
from inference.engine.checkpoint import LoadedModel
from inference.engine.errors import EngineError, StepTimeout
from inference.engine.forward import Request, forward_many
from inference.runtime import steps_ahead
from inference.runtime.steps_ahead import StepsAhead
from tests.inference.engine.models import load_tiny


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return load_tiny(tmp_path_factory.mktemp("ahead"), "llada")


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Batcher]:
    made = Batcher()
    monkeypatch.setattr(steps_ahead, "ENGINE", made)
    yield made
    made.close()


class Steps:
    """Numbers from 1 on, the threads that made them, and what happens in between."""

    def __init__(self, last: int, between: Callable[[int], Any] = lambda number: None) -> None:
        self.last, self.between, self.made = last, between, 0
        self.threads: list[str] = []

    def __call__(self) -> int | None:
        self.threads.append(threading.current_thread().name)
        if self.made == self.last:
            return None
        self.made += 1
        self.between(self.made)
        return self.made


def taken(ahead: StepsAhead[int], room: int = 4) -> list[int]:
    """All steps, a little room let after each of them."""
    ahead.allow(1)
    found: list[int] = []
    while (step := ahead.take()) is not None:
        found.append(step)
        ahead.allow(room)
    return found


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_alone_the_engine_s_thread_makes_several_steps_to_a_hand_over(
    engine: Batcher, model: LoadedModel
) -> None:
    steps = Steps(4)
    with StepsAhead(steps, model) as ahead:
        ahead.allow(4)
        wait_for(lambda: steps.made == 4)
        time.sleep(0.02)
        assert steps.made == 4  # no more than allowed
        assert engine.stats.works == 1
        assert taken(ahead) == [1, 2, 3, 4]
    assert set(steps.threads) == {"engine"}


def test_in_company_forwards_go_by_themselves(engine: Batcher, model: LoadedModel) -> None:
    with ThreadPoolExecutor(1) as other:
        other.submit(engine, model, [Request(torch.arange(1, 5))]).result(20)
        steps = Steps(3)
        with StepsAhead(steps, model) as ahead:
            assert taken(ahead) == [1, 2, 3]
    assert all(name.startswith("ahead") for name in steps.threads)


def test_who_waits_for_the_device_waits_for_one_step(engine: Batcher, model: LoadedModel) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def between(number: int) -> None:
        entered.set()
        assert go_on.wait(20)

    steps = Steps(4, between)
    with StepsAhead(steps, model) as ahead, ThreadPoolExecutor(1) as other:
        ahead.allow(4)
        assert entered.wait(20)
        waiting = other.submit(engine.submit, lambda: steps.made)
        wait_for(lambda: engine.is_awaited)
        go_on.set()
        assert waiting.result(20) == 1
        assert taken(ahead) == [1, 2, 3, 4]


def test_what_making_raised_is_raised_behind_the_steps_before(model: LoadedModel) -> None:
    def between(number: int) -> None:
        if number == 3:
            raise SystemExit("panic")

    steps = Steps(9, between)
    with StepsAhead(steps, model) as ahead:
        ahead.allow(4)
        assert [ahead.take(), ahead.take()] == [1, 2]
        with pytest.raises(SystemExit):
            ahead.take()
    assert steps.made == 3


def test_stopping_leaves_what_is_ready_and_begins_nothing(model: LoadedModel) -> None:
    steps = Steps(9)
    with StepsAhead(steps, model) as ahead:
        ahead.allow(3)
        assert ahead.take() == 1
        wait_for(lambda: steps.made == 3)
        assert ahead.stop() == [2, 3]
        ahead.allow(4)
        assert [ahead.take(), ahead.take(), ahead.take()] == [2, 3, None]
    assert steps.made == 3


def test_each_step_has_the_limit_for_itself_and_a_stuck_one_is_left_behind(
    engine: Batcher, model: LoadedModel, settings: Any
) -> None:
    settings.STEP_TIMEOUT = 1.5
    release = threading.Event()

    def between(number: int) -> None:
        engine(model, [Request(torch.arange(1, 5))])
        if number == 4:
            release.wait(20)
        else:
            time.sleep(0.6)

    steps = Steps(9, between)
    with StepsAhead(steps, model) as ahead:
        ahead.allow(9)
        assert [ahead.take() for _ in range(3)] == [1, 2, 3]  # longer than the limit together
        with pytest.raises(StepTimeout):
            ahead.take()
        assert engine.submit(lambda: "served", 5) == "served"
        release.set()
    assert engine.stats.replaced == 1
    assert steps.made == 4


def test_a_forward_inside_is_rescued_and_the_hand_over_goes_on(model: LoadedModel) -> None:
    """What has been done before it is not done again."""
    full, rescued = [True], []

    def run(model: LoadedModel, requests: Any) -> Any:
        if len(requests[0].ids) == 5 and full:
            full.clear()
            raise EngineError("no memory left")
        return forward_many(model, requests)

    def rescue(model: LoadedModel, error: BaseException) -> bool:
        rescued.append(str(error))
        return True

    begun: list[int] = []
    batcher = Batcher(run, rescue=rescue)

    def work() -> list[int]:
        for length in (4, 5, 6):
            begun.append(length)
            batcher(model, [Request(torch.arange(1, length + 1))])
        return begun

    try:
        assert batcher.hand_over(work, 20, model) == [4, 5, 6]
    finally:
        batcher.close()
    assert len(rescued) == 1
    assert batcher.stats.forwards == 3


def test_who_writes_gives_way_until_the_next_step_is_at_the_device(
    engine: Batcher, model: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps_ahead, "GIVE_WAY_SECONDS", 20.0)
    decided, read = threading.Event(), threading.Event()

    def between(number: int) -> None:
        if number == 2:
            assert decided.wait(20)
            engine.submit(lambda: read.wait(20))

    with ThreadPoolExecutor(1) as other:
        other.submit(engine, model, [Request(torch.arange(1, 5))]).result(20)  # company
        with StepsAhead(Steps(2, between), model) as ahead:
            ahead.allow(2)
            assert ahead.take() == 1
            waiting = other.submit(ahead.give_way)
            time.sleep(0.05)
            assert not waiting.done()
            decided.set()
            waiting.result(10)
            read.set()
            assert ahead.take() == 2


@pytest.mark.parametrize("allowed", [1, 2], ids=["none is to be made", "one is ready"])
def test_nobody_gives_way_to_nobody(
    allowed: int, model: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps_ahead, "GIVE_WAY_SECONDS", 20.0)
    steps = Steps(9)
    with StepsAhead(steps, model) as ahead:
        ahead.allow(allowed)
        assert ahead.take() == 1
        wait_for(lambda: steps.made == allowed)
        began = time.monotonic()
        ahead.give_way()
        assert time.monotonic() - began < 10
