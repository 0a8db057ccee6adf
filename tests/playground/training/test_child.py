"""The real child process: it trains, ends when asked, and is gone with whoever wanted it."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from inference.engine.training.texts.session import Order
from inference.engine.training.texts.settings import Sizes
from inference.errors import UnmaskError
from playground.training.worker.child import Child, started
from tests.playground.training.working import TEXT

SIZES = Sizes(layers=1, width=16, heads=2, context=16, batch_size=4, vocabulary=300)


@pytest.fixture
def order(tmp_path: Path) -> Order:
    text = tmp_path / "corpus.txt"
    text.write_text(TEXT)
    return Order("characters", "Cats", "cats.", "A cat", text, tmp_path / "h", [[0, 20000]], SIZES)


def read_until(source: Any, type: str) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    deadline = time.monotonic() + 120
    while not any(one["type"] == type for one in told):
        assert time.monotonic() < deadline
        told += source.read(0.5)
    return told


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_trains_ends_when_asked_and_is_gone(order: Order) -> None:
    with started(order) as source:
        told = read_until(source, "point")
        assert told[0]["type"] == "ready"
        source.end()
        told += read_until(source, "ended")
        assert "moment" in [one["type"] for one in told]  # its sample is written beside the steps
        assert told[-1]["type"] == "ended"
        assert told[-2]["type"] == "checkpoint"
        assert (order.folder / told[-2]["folder"] / "training.json").is_file()
        pid = source.pid  # type: ignore[attr-defined]
    assert not is_there(pid)


def test_a_child_whose_input_ends_is_gone(order: Order) -> None:
    child = Child(order)
    try:
        read_until(child, "ready")
        assert child._process.stdin is not None
        child._process.stdin.close()  # as when its parent dies
        assert child._process.wait(timeout=60) == 1
        told = list[Any]()
        for _ in range(1000):
            told.append(_read_or_error(child))
            if isinstance(told[-1], UnmaskError):
                break
        assert "ended by itself" in told[-1].message
    finally:
        child.close()


def _read_or_error(child: Child) -> Any:
    try:
        return child.read(0.5)
    except UnmaskError as error:
        return error


def test_what_is_wrong_with_the_text_comes_as_words(order: Order) -> None:
    order.text.write_text("a")
    with started(replace(order, stretches=[[0, 10]])) as source:
        told = read_until(source, "error")
    assert told[-1]["field"] == "corpus"
    assert "needs" in told[-1]["message"]
