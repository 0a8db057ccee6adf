"""The one table of what can be chosen: every row whole, and the same as what the engine does."""

from __future__ import annotations

import re
from dataclasses import fields
from importlib import import_module
from typing import Any

import pytest

from inference import catalog
from inference.catalog import PARAMETERS, RECIPES, Parameter
from inference.catalog.families import BLOCKS, FAMILY_OF, SHIFTED
from inference.engine.decoding.params import Params, checked
from inference.engine.decoding.recipe import Recipe
from inference.engine.decoding.recipes import recipe_named
from inference.engine.errors import InputError
from inference.engine.families.family import Family

PAPER_OR_REPOSITORY = re.compile(r"arXiv \d{4}\.\d{5}|\b[\w.-]+/[\w.-]+")
NUMBERS = [row for row in PARAMETERS.values() if row.kind in ("integer", "number")]


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_names_its_source(name: str) -> None:
    assert PAPER_OR_REPOSITORY.search(RECIPES[name].source)


@pytest.mark.parametrize("name", [n for n, row in RECIPES.items() if "." in row.constant])
def test_a_rule_names_its_source_where_it_is_implemented(name: str) -> None:
    """The paper or the repository of the row stands in the module's docstring."""
    row = RECIPES[name]
    module = import_module(row.path.rpartition(".")[0])
    named = PAPER_OR_REPOSITORY.findall(row.source)
    assert any(one in str(module.__doc__) for one in named)


@pytest.mark.parametrize("name", RECIPES)
def test_the_engine_takes_parameters_and_defaults_from_the_row(name: str) -> None:
    row, recipe = RECIPES[name], recipe_named(name)
    assert isinstance(recipe, Recipe)
    assert (recipe.uses, dict(recipe.defaults)) == (row.uses, dict(row.defaults))
    assert set(row.defaults) <= set(row.uses) <= set(PARAMETERS)
    assert len(set(row.uses)) == len(row.uses)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_takes_the_defaults_that_the_table_shows(name: str) -> None:
    row, recipe = RECIPES[name], recipe_named(name)
    plain = {p.name: p.default for p in row.parameters() if p.name != "official"}
    assert checked(plain, recipe.defaults, recipe.uses) == checked({}, recipe.defaults)


def test_every_parameter_is_one_of_the_engine_s_with_its_default() -> None:
    held = {field.name: field.default for field in fields(Params)}
    assert held == {name: row.default for name, row in PARAMETERS.items()}


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter_is_read_by_a_recipe(name: str) -> None:
    assert any(name in row.uses for row in RECIPES.values())


def _refused(row: Parameter, value: Any) -> bool:
    try:
        checked({row.name: value}, {}, (row.name,))
    except InputError as error:
        return error.field == row.name
    return False


@pytest.mark.parametrize("row", NUMBERS, ids=lambda row: row.name)
def test_numbers_are_taken_within_their_range_only(row: Parameter) -> None:
    whole = row.kind == "integer"
    ends = (int(row.low), int(row.high)) if whole else (row.low, row.high)
    assert not any(_refused(row, value) for value in ends)
    bad: list[Any] = [row.low - 1, row.high + 1, "1", True, [], float("nan"), float("inf"), 10**400]
    bad += [1.5] if whole else []
    bad += [] if row.optional else [None]
    assert [value for value in bad if not _refused(row, value)] == []


@pytest.mark.parametrize("name", [n for n, row in PARAMETERS.items() if row.kind == "flag"])
def test_switches_are_true_or_false(name: str) -> None:
    row = PARAMETERS[name]
    assert not any(_refused(row, value) for value in (True, False))
    assert all(_refused(row, value) for value in (0, 1, None, "true", []))


def test_choices_are_taken_by_their_names_only() -> None:
    for row in (row for row in PARAMETERS.values() if row.kind == "choice"):
        assert row.default in row.choices
        assert not any(_refused(row, value) for value in row.choices)
        assert all(_refused(row, value) for value in (None, 1, "", "other", [row.default], {}))


def test_texts_are_taken_within_their_length_only() -> None:
    for row in (row for row in PARAMETERS.values() if row.kind == "text"):
        assert not any(_refused(row, value) for value in ("a", "é" * int(row.high), None))
        bad: list[Any] = ["", "a" * (int(row.high) + 1), 1, True, [], b"a", "a\udfff"]
        assert [value for value in bad if not _refused(row, value)] == []


def test_model_types_are_those_of_the_families() -> None:
    families = [catalog.resolve(row) for row in catalog.FAMILIES.values()]
    types = {kind.lower(): one.name for one in families for kind in one.model_types}
    assert all(isinstance(one, Family) for one in families)
    assert FAMILY_OF.items() <= types.items()
    known = types.keys() | catalog.FAMILIES.keys()
    trained = {name for row in RECIPES.values() for name in row.trained} - {"blocks"}
    assert SHIFTED | BLOCKS | trained <= known
