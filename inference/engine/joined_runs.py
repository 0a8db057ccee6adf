"""Several runs whose forwards are joined: each run in a thread of its own, all forwards in the
caller's.

A run asks for one forward after another, so that nobody has to guess who will come along: the next
forward is made once every run that still goes on has asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TypeVar

from torch import Tensor

from inference.engine.checkpoint import LoadedModel
from inference.engine.forward import ForwardMany, Request

T = TypeVar("T")


@dataclass
class _Asked:
    requests: Sequence[Request]
    answer: Future[list[Tensor]] = field(default_factory=Future)


def run_together(
    model: LoadedModel, runs: Sequence[Callable[[ForwardMany], T]], forward: ForwardMany
) -> list[T]:
    """What each run returns; it is handed the forward that it has to use, with this model.

    Raises what the first run that fails raises, once all have ended. A forward that fails does so
    for all who shared it.
    """
    asked: SimpleQueue[_Asked | None] = SimpleQueue()

    def ask(_: LoadedModel, requests: Sequence[Request]) -> list[Tensor]:
        one = _Asked(requests)
        asked.put(one)
        return one.answer.result()

    def work(run: Callable[[ForwardMany], T]) -> T:
        try:
            return run(ask)
        finally:
            asked.put(None)

    with ThreadPoolExecutor(max(1, len(runs)), "run") as pool:
        results = [pool.submit(work, run) for run in runs]
        _serve(model, asked, len(runs), forward)
    return [result.result() for result in results]


def _serve(
    model: LoadedModel, asked: SimpleQueue[_Asked | None], left: int, forward: ForwardMany
) -> None:
    """Answers until no run is left; None in the queue tells that one has ended."""
    waiting: list[_Asked] = []
    while left:
        one = asked.get()
        if one is None:
            left -= 1
        else:
            waiting.append(one)
        if waiting and len(waiting) == left:
            _answer(model, waiting, forward)
            waiting = []


def _answer(model: LoadedModel, waiting: list[_Asked], forward: ForwardMany) -> None:
    try:
        found = iter(forward(model, [request for one in waiting for request in one.requests]))
        parts = [[next(found) for _ in one.requests] for one in waiting]
    except BaseException as error:  # each run raises it; a thread left waiting would hang for ever
        for one in waiting:
            one.answer.set_exception(error)
        return
    for one, part in zip(waiting, parts, strict=True):
        one.answer.set_result(part)
