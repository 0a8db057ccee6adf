"""Live requests through the runtime: company changes nothing, clicks come in between."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import torch
from torch import Tensor

from inference import catalog, runtime
from inference.engine import checkpoint, forward
from inference.engine.cache import cache_key
from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding import uniform_noise
from inference.engine.decoding.loop import generate
from inference.engine.decoding.recipes import recipe_named
from inference.engine.families import diffusion_gemma
from inference.engine.forward import ForwardMany, Request
from inference.errors import UnmaskError
from inference.runtime import forwards
from inference.runtime.error_mapping import engine_errors
from tests.inference.engine.models import load_tiny
from tests.tiny import tiny_model

OTHERS = {
    "dreamon": "dreamon", "llada2/threshold": "llada2", "llada2/edit": "llada2",
    "diffusion_gemma": "diffusion_gemma",
    "fastdllm2/threshold": "fast-dllm-v2", "fastdllm2/block_cache": "fast-dllm-v2",
}  # fmt: skip
"""Recipes that need a model of a family of their own."""
FORWARD_SECONDS = 0.02
"""Seconds that a slowed forward takes."""


@pytest.fixture
def model(tmp_path: Path) -> Iterator[LoadedModel]:
    torch.set_num_threads(1)
    runtime.cache().clear()
    made = checkpoint.load(tiny_model(tmp_path / "m"))
    for weights in made.model.parameters():
        weights.mul_(8 if weights.dim() > 1 else 1)  # fresh weights judge all tokens alike: ties
    yield made
    runtime.cache().clear()


def _canvas(model: LoadedModel, length: int = 24) -> Canvas:
    return Canvas.start([5, 6, 7], length, model.spec.mask_id or 0)


@pytest.fixture
def models(model: LoadedModel, tmp_path: Path) -> dict[str, LoadedModel]:
    """Recipe → a model that it suits."""
    others = {name: load_tiny(tmp_path / name, name) for name in set(OTHERS.values())}
    return {name: others[OTHERS[name]] if name in OTHERS else model for name in catalog.RECIPES}


def _tokens(model: LoadedModel, recipe: str, seed: int) -> list[int]:
    uses = recipe_named(recipe).uses
    values = {"temperature": 0.7, "block_length": 8, "max_new_tokens": 20, "steps": 8}
    known = {name: value for name, value in values.items() if name in uses}
    canvas = Canvas.start([5, 6, 7], 12 + len(recipe) % 5 + seed, model.spec.open_id)
    *_, last = generate(model, canvas, recipe, known, seed, forward=runtime.forward)
    return last.canvas.tokens


def test_the_same_seed_gives_the_same_tokens_alone_and_in_company(
    models: dict[str, LoadedModel],
) -> None:
    """Every recipe of the catalogue, each twice with another seed, all at the same time."""
    asked = [(name, seed) for name in catalog.RECIPES for seed in (1, 2)]
    alone = {one: _tokens(models[one[0]], *one) for one in asked}
    runtime.cache().clear()
    with ThreadPoolExecutor(len(asked)) as pool:
        together = pool.map(lambda one: _tokens(models[one[0]], *one), asked)
        assert dict(zip(asked, together, strict=True)) == alone
    assert forwards.ENGINE.stats.largest > 1


def test_a_canvas_of_random_tokens_is_read_on_the_device_thread(
    models: dict[str, LoadedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its forwards are no ones to share, but a device has one thread all the same."""
    threads: set[str] = set()

    def denoise(*parts: Any) -> Tensor:
        threads.add(threading.current_thread().name)
        return diffusion_gemma.denoise(*parts)

    monkeypatch.setattr(uniform_noise, "denoise", denoise)
    _tokens(models["diffusion_gemma"], "diffusion_gemma", 1)
    assert threads == {"engine"}


class Slow:
    """Forwards that take a while, counted."""

    def __init__(self, usual: ForwardMany) -> None:
        self.usual, self.made = usual, 0

    def __call__(self, model: LoadedModel, requests: Sequence[Request]) -> list[Tensor]:
        time.sleep(FORWARD_SECONDS)
        self.made += 1
        return self.usual(model, requests)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Slow:
    counted = Slow(forward.forward_many)
    monkeypatch.setattr(forward, "forward_many", counted)
    return counted


@pytest.fixture
def runs(model: LoadedModel, slow: Slow) -> Iterator[list[int]]:
    """Three long runs of other users; the list grows by a step of one of them."""
    steps: list[int] = []
    stop = threading.Event()

    def run(seed: int) -> None:
        values = {"steps": 120}
        canvas = _canvas(model, 120)
        recipe = "llada/low_confidence"
        for _ in generate(model, canvas, recipe, values, seed, forward=runtime.forward):
            steps.append(seed)
            if stop.is_set():
                return

    with ThreadPoolExecutor(3) as pool:
        going = [pool.submit(run, seed) for seed in range(3)]
        while len(steps) < 6:
            time.sleep(0.005)
        yield steps
        stop.set()
        for one in going:
            one.result(30)


def test_a_click_during_long_runs_waits_for_two_forwards_at_most(
    runs: list[int], slow: Slow, model: LoadedModel
) -> None:
    waited = []
    for click in range(9):
        before = slow.made
        runtime.logits(model, [1, 2, click, model.spec.mask_id or 0], [3])
        waited.append(slow.made - before)
    assert median(waited) <= 3  # the one at hand, its own, one that began meanwhile
    assert len(runs) < 3 * 120


def test_work_of_its_own_during_long_runs_waits_for_two_forwards_at_most(
    runs: list[int], slow: Slow
) -> None:
    waited = []
    for _ in range(9):
        before = slow.made
        assert runtime.submit(lambda: "done") == "done"
        waited.append(slow.made - before)
    assert median(waited) <= 3


def test_what_was_computed_is_found_again_by_runs_and_clicks(
    model: LoadedModel, slow: Slow
) -> None:
    canvas = _canvas(model)
    first = runtime.logits(model, canvas.tokens, range(len(canvas)))
    made = slow.made
    step = next(generate(model, canvas, "rank/low_entropy", {}, 0, forward=runtime.forward))
    assert slow.made == made
    assert torch.equal(step.logits, first.tensor[step.positions])
    assert forwards.metrics()["logits_cache"]["hits"] >= 1


def test_a_stuck_forward_times_out_and_the_next_one_is_served(
    model: LoadedModel, monkeypatch: pytest.MonkeyPatch, settings: object
) -> None:
    settings.STEP_TIMEOUT = 0.4  # type: ignore[attr-defined]
    release, usual = threading.Event(), forward.forward_many

    def sticky(model: LoadedModel, requests: Sequence[Request]) -> list[Tensor]:
        if any(len(request.ids) == 9 for request in requests):
            release.wait(60)
        return usual(model, requests)

    monkeypatch.setattr(forward, "forward_many", sticky)
    replaced = forwards.ENGINE.stats.replaced
    with pytest.raises(UnmaskError) as caught:
        runtime.logits(model, [1] * 9, [0])
    assert caught.value.error_type == "timeout"
    assert "STEP_TIMEOUT" in caught.value.message
    assert len(runtime.logits(model, [1] * 8, [0]).tensor) == 1
    assert forwards.ENGINE.stats.replaced == replaced + 1
    release.set()


def test_a_runs_failure_is_told_in_the_one_shape(
    model: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> list[Tensor]:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 1 byte")

    monkeypatch.setattr(forward, "forward_many", full)
    steps = generate(model, _canvas(model), "rank/low_entropy", {}, 0, forward=runtime.forward)
    with pytest.raises(UnmaskError, match="does not fit into memory"), engine_errors():
        next(steps)


def test_dropping_a_model_forgets_its_logits(model: LoadedModel) -> None:
    runtime.logits(model, [1, 2, 3], [0, 2])
    assert runtime.cache().get(cache_key(model, [1, 2, 3]), torch.tensor([2])) is not None
    runtime.cache().drop(model)
    assert runtime.cache().get(cache_key(model, [1, 2, 3]), torch.tensor([2])) is None
