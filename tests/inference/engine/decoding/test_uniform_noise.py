"""The settling canvas: what it is conditioned on, and what noise it starts from."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding import uniform_noise
from inference.engine.decoding.loop import generate
from tests.inference.engine.models import load_tiny

STEPS = 4


@pytest.fixture(params=[torch.float32, torch.bfloat16])
def model(request: pytest.FixtureRequest, tmp_path: Path) -> LoadedModel:
    return load_tiny(tmp_path, "diffusion_gemma", dtype=request.param)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Tensor, Tensor | None, Tensor]]:
    """What each forward was given: the canvas, what it is conditioned on, and its answer."""
    seen: list[tuple[Tensor, Tensor | None, Tensor]] = []
    real = uniform_noise.denoise

    def watched(model: Any, given: Tensor, canvas: Tensor, before: Tensor | None) -> Tensor:
        found = real(model, given, canvas, before)
        seen.append((canvas, before, found))
        return found

    monkeypatch.setattr(uniform_noise, "denoise", watched)
    return seen


def _run(model: LoadedModel, length: int, first: int = 1) -> None:
    canvas = Canvas.start([5, 6, 7], length, model.spec.open_id)
    params = {"steps": STEPS, "stop_entropy": 0.0}
    list(generate(model, canvas, "diffusion_gemma", params, 1, first, first_step=first))


def test_the_canvas_is_conditioned_on_the_logits_over_their_temperature(
    model: LoadedModel, looks: list[tuple[Tensor, Tensor | None, Tensor]]
) -> None:
    """The published loop: t_min + (t_max - t_min) n / N, n from N to 1, in the weights' dtype."""
    _run(model, 6)
    assert looks[0][1] is None
    for done, ((_, _, logits), (_, before, _)) in enumerate(pairwise(looks)):
        temperature = 0.4 + (0.8 - 0.4) * (STEPS - done) / STEPS
        assert before is not None
        assert before.dtype == model.dtype
        assert torch.equal(before, (logits / temperature).to(model.dtype))


def test_every_block_and_every_run_starts_from_noise_of_its_own(
    model: LoadedModel, looks: list[tuple[Tensor, Tensor | None, Tensor]]
) -> None:
    _run(model, 12)
    _run(model, 6, first=20)
    starts = [canvas.tolist() for canvas, before, _ in looks if before is None]
    assert len(starts) == 3
    assert len({tuple(start) for start in starts}) == 3
