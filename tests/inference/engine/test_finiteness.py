"""NaN and infinity are noticed where they come up, with their position and their step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from inference.engine import digest
from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.loop import generate
from inference.engine.errors import NonFiniteError
from inference.engine.families.diffusion_gemma import denoise
from inference.engine.forward import Request, forward_many, logits, logits_batch
from tests.inference.engine.models import MASK, load_tiny

Tiny = Callable[[str], LoadedModel]
BAD = [float("nan"), float("inf"), -float("inf")]


def _spoiled(folder: Path, name: str, token: int, value: float) -> LoadedModel:
    """A model in which one token's embedding is none: whoever holds it spoils every row."""
    model = load_tiny(folder, name)
    with torch.no_grad():
        model.model.get_input_embeddings().weight[token, 0] = value
    return model


@pytest.mark.parametrize("value", BAD)
def test_a_forward_names_the_first_position(value: float, tmp_path: Path) -> None:
    model = _spoiled(tmp_path, "llada", 7, value)
    fine = logits(model, [1, 2, 3])
    assert bool(torch.isfinite(fine).all())
    for run in (
        lambda: logits(model, [1, 2, 7, 3], rows=[2, 3]),
        lambda: logits_batch(model, torch.tensor([[1, 2, 3, 4], [1, 2, 7, 3]]), [2, 3]),
        lambda: forward_many(model, [Request(torch.tensor([1, 2, 7, 3]), torch.tensor([2, 3]))]),
    ):
        with pytest.raises(NonFiniteError, match="position 2") as caught:
            run()
        assert (caught.value.position, caught.value.kind) == (2, "generation")


def test_only_the_positions_that_have_none_are_named(tiny: Tiny) -> None:
    """Block by block: what stands before the spoilt block is sound."""
    model = tiny("sdar")
    head = model.family.head

    def spoiled(body: torch.nn.Module, hidden: torch.Tensor) -> torch.Tensor:
        rows = head(body, hidden).clone()
        rows[5:, 3] = float("nan")
        return rows

    broken = replace(model, family=replace(model.family, head=spoiled))
    with pytest.raises(NonFiniteError) as caught:
        forward_many(broken, [Request(torch.arange(9), torch.arange(1, 9))])
    assert caught.value.position == 6


@pytest.mark.parametrize(
    "recipe", ["llada/low_confidence", "fastdllm/prefix_schedule", "fastdllm/dual_schedule"]
)
def test_a_run_names_its_step(recipe: str, tmp_path: Path) -> None:
    model = _spoiled(tmp_path, "llada", 7, float("nan"))
    canvas = Canvas.start([1, 2], 4, MASK)
    steps = generate(model, canvas, recipe, {"steps": 4}, 0, start_step=3, first_step=3)
    next(steps)
    spoiled = Canvas.start([1, 7], 4, MASK)
    with pytest.raises(NonFiniteError, match="of step 5") as caught:
        next(generate(model, spoiled, recipe, {"steps": 4}, 0, start_step=5, first_step=5))
    assert caught.value.step == 5


def test_the_model_without_masks_names_places_behind_what_stands(tmp_path: Path) -> None:
    model = _spoiled(tmp_path, "diffusion_gemma", 7, float("nan"))
    with pytest.raises(NonFiniteError) as caught:
        denoise(model.model, torch.tensor([1, 2, 3]), torch.tensor([4, 7, 5]), None)
    assert caught.value.position >= 3


@pytest.mark.parametrize("vocabulary", [50, 3000])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_digest_is_never_made_of_them(value: float, vocabulary: int) -> None:
    rows = torch.randn(4, vocabulary)
    digest.encode(rows, [3, 5, 8, 9], [1])
    rows[2, 17] = value
    with pytest.raises(NonFiniteError) as caught:
        digest.encode(rows, [3, 5, 8, 9], [1])
    assert caught.value.position == 8
