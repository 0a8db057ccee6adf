"""A small forward takes one thread, a larger one all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from pytest_django import Settings

from inference.engine import checkpoint, threads
from inference.engine.checkpoint import LoadedModel
from inference.engine.forward import Request
from inference.runtime import devices, forwards
from tests.tiny import tiny_model


@pytest.fixture
def two(settings: Settings) -> Iterator[None]:
    before = torch.get_num_threads()
    settings.TORCH_THREADS = 2
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return checkpoint.load(tiny_model(tmp_path_factory.mktemp("m")))


def _threads_after(model: LoadedModel, *lengths: int) -> int:
    forwards._run(model, [Request(torch.full((length,), 5)) for length in lengths])
    return torch.get_num_threads()


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize(
    ("parameters", "lengths", "count"),
    [
        (threads.SMALL_MODEL, (16,), 1),
        (threads.SMALL_MODEL, (16, 8), 2),  # shared, it is no longer small
        (threads.SMALL_MODEL + 1, (1,), 2),
        (1000, (24, 24), 1),
    ],
)
def test_threads_go_by_the_size_of_the_forward(
    model: LoadedModel, parameters: int, lengths: tuple[int, ...], count: int
) -> None:
    assert _threads_after(replace(model, parameters=parameters), *lengths) == count


@pytest.mark.usefixtures("two")
def test_a_load_takes_all_again(model: LoadedModel) -> None:
    assert _threads_after(model, 8) == 1
    devices.take_all_threads()
    assert torch.get_num_threads() == 2


def test_one_thread_stays_one(model: LoadedModel, settings: Settings) -> None:
    settings.TORCH_THREADS = 1
    before = torch.get_num_threads()
    large = replace(model, parameters=threads.SMALL_MODEL + 1)
    assert _threads_after(large, 8) == 1
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two")
def test_after_work_with_some_threads_there_are_as_many_as_before() -> None:
    torch.set_num_threads(2)
    with pytest.raises(RuntimeError, match="1 thread"):
        _broken_by_one()
    assert torch.get_num_threads() == 2


def _broken_by_one() -> None:
    with threads.using_threads(1):
        raise RuntimeError(f"{torch.get_num_threads()} thread")
