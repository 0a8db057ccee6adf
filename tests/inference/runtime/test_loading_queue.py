"""Loading beside the other tasks: bounded, in lines, never twice, never in the way."""

from __future__ import annotations

import threading
import time

import pytest

from inference import runtime
from inference.models import ModelEntry
from inference.runtime import loading_queue
from inference.runtime.loading_queue import LoadingQueue, run_when_loaded
from tests.servers import wait_for


def test_a_line_is_worked_in_order_and_once_per_key() -> None:
    lines, done, gate = LoadingQueue(), list[str](), threading.Event()
    lines.put("big", "first", lambda: gate.wait(20))
    for key in ("a", "b", "a", "c", "b"):
        lines.put("big", key, lambda key=key: done.append(key))
    gate.set()
    wait_for(lambda: len(done) == 3, "three pieces of work", 30)
    time.sleep(0.05)
    assert done == ["a", "b", "c"]


def test_one_slow_model_leaves_room_for_another_and_a_third_waits() -> None:
    lines, gate, done = LoadingQueue(loaders=2), threading.Event(), list[str]()
    lines.put("slow", "1", lambda: gate.wait(20))
    lines.put("slow", "2", lambda: done.append("slow"))
    lines.put("quick", "3", lambda: done.append("quick"))
    wait_for(lambda: done == ["quick"], "the quick one", 30)
    other = threading.Event()
    lines.put("slower", "4", lambda: other.wait(20))
    lines.put("third", "5", lambda: done.append("third"))
    time.sleep(0.1)
    assert done == ["quick"]
    gate.set()
    wait_for(lambda: sorted(done) == ["quick", "slow", "third"], "all but one", 30)
    other.set()


@pytest.mark.parametrize("end", [ZeroDivisionError, SystemExit, KeyboardInterrupt])
def test_a_failure_does_not_end_the_line(end: type[BaseException]) -> None:
    lines, done = LoadingQueue(loaders=1), list[str]()

    def leave() -> None:
        raise end

    lines.put("m", "1", leave)
    lines.put("m", "2", lambda: done.append("went on"))
    lines.put("n", "3", lambda: done.append("elsewhere"))
    wait_for(lambda: done == ["went on", "elsewhere"], "the next in line", 30)


@pytest.mark.django_db
def test_only_what_must_be_loaded_goes_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    put: list[str] = []
    done: list[str] = []
    monkeypatch.setattr(loading_queue.LOADING_QUEUE, "put", lambda slug, key, work: put.append(key))
    for slug, state in (("here", "available"), ("gone", "absent")):
        ModelEntry.objects.create(slug=slug, label=slug, path=slug, state=state)
    for slug in (None, "gone", "nobody", "nul\0", "here"):
        run_when_loaded(slug, f"key of {slug}", lambda slug=slug: done.append(str(slug)))
    assert (done, put) == (["None", "gone", "nobody", "nul\0"], ["key of here"])
    monkeypatch.setattr(loading_queue, "get", lambda slug: object())
    run_when_loaded("here", "again", lambda: done.append("held"))
    assert done[-1] == "held"
    assert runtime.run_when_loaded is run_when_loaded
