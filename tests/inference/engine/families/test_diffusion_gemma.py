"""The family without a mask token: its forward, its loading and its recipe."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from inference.engine import checkpoint
from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.loop import generate
from inference.engine.decoding.step_result import StepResult
from inference.engine.errors import InputError
from inference.engine.families.diffusion_gemma import denoise
from inference.engine.forward import logits
from tests.inference.engine.models import VOCAB, write_model

Tiny = Callable[[str], LoadedModel]
OPEN = VOCAB


@pytest.fixture
def model(tiny: Tiny) -> LoadedModel:
    return tiny("diffusion_gemma")


def _steps(model: LoadedModel, length: int = 10, **params: float) -> Iterator[StepResult]:
    canvas = Canvas.start([5, 6, 7], length, model.spec.open_id)
    return generate(model, canvas, "diffusion_gemma", {"steps": 8, "gamma": 3.0, **params}, 1)


def test_an_open_place_holds_an_id_that_no_token_has(model: LoadedModel) -> None:
    assert (model.spec.mask_id, model.spec.noise) == (None, "uniform")
    assert model.spec.open_id == OPEN == model.spec.vocab_size


def test_the_forward_is_the_native_one(model: LoadedModel) -> None:
    given, canvas = torch.tensor([5, 6, 7]), torch.arange(20, 26)
    first = denoise(model.model, given, canvas, None)
    native = model.model(input_ids=given[None], decoder_input_ids=canvas[None]).logits[0]
    assert torch.allclose(first, native)
    assert not torch.allclose(denoise(model.model, given, canvas, first), first)


def test_the_canvas_sees_itself_in_both_directions(model: LoadedModel) -> None:
    given, canvas = torch.tensor([5, 6, 7]), torch.arange(20, 26)
    other = canvas.clone()
    other[-1] = 99
    change = denoise(model.model, given, canvas, None) - denoise(model.model, given, other, None)
    assert float(change[0].abs().max()) > 1e-4


def test_a_plain_forward_is_refused(model: LoadedModel) -> None:
    with pytest.raises(InputError):
        logits(model, [1, 2, 3])


def test_a_run_settles_canvas_after_canvas(model: LoadedModel) -> None:
    steps = list(_steps(model))
    assert len(steps) == 16
    assert steps[-1].masked == 0
    first = steps[7].canvas.tokens[3:9]
    assert OPEN not in first
    assert all(step.canvas.tokens[3:9] == first for step in steps[8:])
    kinds = {op["op"] for step in steps for op in step.operations}
    assert kinds == {"commit", "edit", "remask"}


def test_a_settled_canvas_is_the_most_likely_one(model: LoadedModel) -> None:
    last = list(_steps(model, length=6))[-1]
    assert last.canvas.tokens[3:] == last.logits.argmax(-1).tolist()


def test_a_calm_canvas_stops_early(model: LoadedModel) -> None:
    """Cold, with everything accepted, the canvas comes to rest; a strict limit keeps it going."""
    cold = {"t_max": 0.001, "t_min": 0.001, "gamma": 100.0, "steps": 30}
    steps = list(_steps(model, length=1, stop_entropy=1.0, **cold))
    assert len(steps) < 30
    assert steps[-1].canvas.tokens == steps[-2].canvas.tokens
    assert len(list(_steps(model, length=1, **{**cold, "stop_entropy": 0.0}))) == 30


def test_equal_seeds_give_equal_runs(model: LoadedModel) -> None:
    first, again = ([s.operations for s in _steps(model)] for _ in range(2))
    assert first == again


@pytest.mark.parametrize("prompt", [[], [5, OPEN, 7]])
def test_it_wants_a_prompt_without_gaps(model: LoadedModel, prompt: list[int]) -> None:
    with pytest.raises(InputError) as caught:
        list(generate(model, Canvas.start(prompt, 4, OPEN), "diffusion_gemma", {}, 1))
    assert caught.value.field == "prompt"


def test_shared_weights_may_stand_under_either_name(tmp_path: Path, model: LoadedModel) -> None:
    """A file keeps one copy of what encoder and decoder share, under either name."""
    directory = write_model(tmp_path, "diffusion_gemma")
    file = directory / "model.safetensors"
    weights = dict(load_file(file))
    old, new = "encoder.language_model.embed_tokens", "decoder.embed_tokens"
    renamed = {key.replace(old, new): value for key, value in weights.items()}
    assert set(renamed) != set(weights)
    save_file(renamed, file)
    again = checkpoint.load(directory)
    given, canvas = torch.tensor([5, 6, 7]), torch.arange(20, 26)
    assert torch.equal(
        denoise(again.model, given, canvas, None), denoise(model.model, given, canvas, None)
    )
