"""Grammars over runs: whatever the recipe, the text matches; what cannot is refused by name."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from inference import catalog
from inference.catalog.recipe import GRAMMAR
from inference.engine import checkpoint
from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.loop import generate
from inference.engine.decoding.params import checked
from inference.engine.decoding.step_result import StepResult
from inference.engine.errors import InputError
from tests.inference.engine.decoding.test_recipes import _model, _params
from tests.tiny import tiny_model

RECIPES = [name for name, row in catalog.RECIPES.items() if set(GRAMMAR) <= set(row.uses)]
WITHOUT = [name for name in catalog.RECIPES if name not in RECIPES]
SUM = r"[0-9]{1,2}\+[0-9]{1,2}=[0-9]{1,3}"


@pytest.fixture(scope="session")
def spelling(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    """A random model whose tokens are characters."""
    path: Path = tiny_model(tmp_path_factory.mktemp("grammar") / "spelling")
    return checkpoint.load(path, "cpu")


def text_of(model: LoadedModel, canvas: Canvas) -> str:
    assert model.tokenizer is not None
    own = [slot.token for slot in canvas.slots if not slot.prompt]
    ends = [i for i, token in enumerate(own) if token in model.spec.end_ids]
    return model.tokenizer.decode(own[: ends[0]] if ends else own)


def run(model: LoadedModel, recipe: str, length: int = 10, **params: Any) -> list[StepResult]:
    assert model.tokenizer is not None
    ids = model.tokenizer.encode("sum:")
    canvas = Canvas.start(ids, length, int(model.spec.mask_id or 0))
    return list(generate(model, canvas, recipe, {**_params(recipe), **params}, 3))


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("recipe", RECIPES)
def test_whatever_the_recipe_the_text_matches(
    recipe: str, temperature: float, spelling: LoadedModel, tiny: Callable[[str], LoadedModel]
) -> None:
    model = spelling
    if catalog.RECIPES[recipe].needs - {"mask", "same", "own_masks"}:
        other = _model(recipe, tiny)  # its words are the first characters of the other's
        model = replace(other, tokenizer=spelling.tokenizer)
    hot = {"temperature": temperature} if "temperature" in catalog.RECIPES[recipe].uses else {}
    last = run(model, recipe, regex=SUM, **hot)[-1].canvas
    assert not last.open_positions
    assert re.fullmatch(SUM, text_of(model, last)), text_of(model, last)


def test_an_answer_is_as_its_schema_says(spelling: LoadedModel) -> None:
    schema = json.dumps({"enum": ["left", "right", 7]})
    last = run(spelling, "llada/low_confidence", 9, json_schema=schema)[-1].canvas
    assert json.loads(text_of(spelling, last)) in ["left", "right", 7]


def test_a_run_goes_on_as_if_nothing_had_happened(spelling: LoadedModel) -> None:
    params = {**_params("llada/low_confidence"), "regex": SUM, "temperature": 1.0}
    steps = run(spelling, "llada/low_confidence", regex=SUM, temperature=1.0)
    two = steps[1]
    rest = generate(
        spelling, two.canvas, "llada/low_confidence", params, 3, two.step + 1, carry=two.carry
    )
    assert [one.operations for one in rest] == [one.operations for one in steps[2:]]


@pytest.mark.parametrize("recipe", WITHOUT)
def test_recipes_that_cannot_be_filtered_say_so(recipe: str) -> None:
    for name in GRAMMAR:
        with pytest.raises(InputError) as caught:
            checked({name: "a"}, {}, catalog.RECIPES[recipe].uses)
        assert caught.value.field == name


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"regex": "a{40}"}, "regex"),  # more than there are masks
        ({"regex": "("}, "regex"),
        ({"json_schema": "{"}, "json_schema"),
        ({"regex": "a", "json_schema": "{}"}, "json_schema"),
        ({"regex": "a", "official": True}, "regex"),
        ({"regex": ""}, "regex"),
        ({"regex": 7}, "regex"),
        ({"regex": "\ud800"}, "regex"),
        ({"regex": "a" * 5000}, "regex"),
    ],
)
def test_what_cannot_be_done_names_its_parameter(
    params: dict[str, Any], field: str, spelling: LoadedModel
) -> None:
    with pytest.raises(InputError) as caught:
        run(spelling, "llada/low_confidence", **params)
    assert caught.value.field == field


def test_a_model_without_a_tokenizer_matches_nothing(spelling: LoadedModel) -> None:
    model = replace(spelling, tokenizer=None)
    canvas = Canvas.start([1], 4, int(model.spec.mask_id or 0))
    with pytest.raises(InputError, match="no tokenizer"):
        next(generate(model, canvas, "llada/low_confidence", {"regex": "a"}, 3))
