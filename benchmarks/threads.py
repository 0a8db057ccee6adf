"""A forward with one thread and with all of them, idle and beside processes that are busy.

What `inference.engine.threads` goes by, and why helpers are to spin for a short time only: each
contender is a process of its own, since OpenMP reads that once.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from benchmarks import models
from benchmarks.timing import Measured, milliseconds, summary, table
from inference.engine.checkpoint import LoadedModel
from inference.engine.forward import logits
from inference.engine.threads import threads_for

SPIN = "GOMP_SPINCOUNT"
USUAL = "300000"
"""Turns that OpenMP's helpers make where nothing is said (libgomp's manual)."""
SHIPPED, BODY = "shipped model stories", "body of 26 M parameters"
CASES = {SHIPPED: ((16, 64, 160), 40), BODY: ((55,), 12)}
"""Lengths and forwards of a process, by the model's name."""
ROUNDS, WARM_UP = 3, 3
BUSY = "while True: pass"


def measure() -> Iterator[str]:
    """Lines of the report."""
    most = torch.get_num_threads()
    for busy in (0, most):
        beside = f"beside {busy} busy processes" if busy else "idle"
        with _busy(busy):
            for name, (lengths, _) in CASES.items():
                for length in lengths:
                    yield from _lines(name, length, most, beside)


def _lines(name: str, length: int, most: int, beside: str) -> list[str]:
    short = os.environ[SPIN]
    contenders = {
        f"{most} threads, usual spinning": (most, USUAL),
        f"{most} threads, short spinning": (most, short),
        "1 thread": (1, short),
    }
    samples: dict[str, list[float]] = {title: [] for title in contenders}
    for _ in range(ROUNDS):
        for title, (threads, spin) in contenders.items():
            samples[title].append(_in_a_process(name, length, threads, spin))
    results: dict[str, Measured] = {title: summary(values) for title, values in samples.items()}
    chosen = threads_for(_model(name).parameters, length, most)
    return [
        *table(f"{name}, {length} tokens, {beside}", results, 1, next(iter(contenders))),
        f"  the site takes {chosen} thread{'s' * (chosen > 1)}",
    ]


def _in_a_process(name: str, length: int, threads: int, spin: str) -> float:
    """The median of some forwards, in milliseconds."""
    command = [sys.executable, "-m", "benchmarks.threads", name, str(length), str(threads)]
    told = subprocess.run(command, env=os.environ | {SPIN: spin}, capture_output=True, check=True)
    return float(told.stdout)


def _model(name: str) -> LoadedModel:
    return models.shipped("stories") if name == SHIPPED else models.slow()


def _forwards(name: str, length: int, threads: int) -> float:
    torch.set_num_threads(threads)
    model, ids = _model(name), [5] * length
    times = [milliseconds(lambda: logits(model, ids)) for _ in range(WARM_UP + CASES[name][1])]
    return summary(times[WARM_UP:]).median


@contextmanager
def _busy(count: int) -> Iterator[None]:
    """So many processes that do nothing but take a core."""
    started = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


if __name__ == "__main__":
    print(_forwards(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
