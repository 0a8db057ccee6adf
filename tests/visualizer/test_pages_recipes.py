"""Fields of recipes: each shows what it reads, with its defaults; what is typed reaches the run."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import QueryDict
from django.test import Client

from inference.catalog import GROUPS, PARAMETERS, RECIPES
from inference.errors import UnmaskError
from visualizer.models import Command, Run, Session
from visualizer.views.form_commands import FORMS
from visualizer.views.panel_defaults import chosen_settings
from visualizer.views.recipes import (
    ELSEWHERE,
    OFF,
    USUALLY_ON,
    as_typed,
    fields_of_recipe,
    options_of,
    parameter_fields,
    recipe_parameters,
    recipes,
)

pytestmark = pytest.mark.django_db


def keys(groups: dict[str, list[Any]], shown: bool = True) -> set[str]:
    return {f.parameter.name for fields in groups.values() for f in fields if f.shown or not shown}


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_s_fields_are_the_parameters_that_it_reads(name: str) -> None:
    assert keys(fields_of_recipe(name)) == set(RECIPES[name].uses) - set(ELSEWHERE)
    paced = bool({"tokens_per_step", "steps"} & set(RECIPES[name].uses))
    assert ("tokens_per_step" in options_of(name)) == paced


@pytest.mark.parametrize("name", RECIPES)
def test_a_field_has_the_catalogue_s_range_and_the_recipe_s_default(name: str) -> None:
    for fields in fields_of_recipe(name).values():
        for field in fields:
            row = PARAMETERS[field.parameter.name]
            assert field.parameter == row
            default = RECIPES[name].defaults.get(row.name, row.default)
            if default is not None and not isinstance(default, bool):
                assert type(default)(field.default) == default


@pytest.mark.parametrize("name", RECIPES)
def test_an_empty_form_sets_nothing_and_a_full_one_everything(name: str) -> None:
    assert recipe_parameters({}, name) == {}
    full = {f"p_{key}": _typed(key) for key in PARAMETERS}
    found = recipe_parameters(full, name)
    assert found.keys() == set(RECIPES[name].uses) - set(ELSEWHERE)
    for key, value in found.items():
        row = PARAMETERS[key]
        size = len(value) if row.kind == "text" else value
        right = value is (key not in USUALLY_ON) if row.kind == "flag" else value in row.choices
        assert right or row.low <= size <= row.high


def _typed(name: str) -> str:
    row = PARAMETERS[name]
    if row.kind == "flag":
        return OFF if name in USUALLY_ON else "on"
    return row.choices[0] if row.choices else f"{row.high:g}" if row.high < 1e5 else "1"


def test_what_a_recipe_does_not_read_is_not_sent() -> None:
    form = QueryDict("p_eos_last=on&p_stop_at_end=on&p_temperature=0.5&p_threshold=0.8")
    assert recipe_parameters(form, "dreamon") == {"temperature": 0.5}
    assert recipe_parameters(form, "nobody") == {}
    assert recipe_parameters(QueryDict("p_threshold=0&p_top_k="), "fastdllm/threshold") == {
        "threshold": 0.0
    }
    with pytest.raises(UnmaskError) as refused:
        recipe_parameters(QueryDict("p_threshold=0,8"), "fastdllm/threshold")
    assert refused.value.field == "p_threshold"


def test_what_is_usually_on_can_be_switched_off() -> None:
    assert {"fill_last_block", "stop_after_block"} == USUALLY_ON
    form = QueryDict("p_stop_after_block=off&p_fill_last_block=")
    set_off = recipe_parameters(form, "llada2/threshold")
    assert set_off == {"stop_after_block": False}
    shown = fields_of_recipe("llada2/threshold", form=form)["own"]
    values = {field.parameter.name: field.value for field in shown}
    assert (values["stop_after_block"], values["fill_last_block"]) == (OFF, "")
    again = {f"p_{name}": as_typed(name, value) for name, value in set_off.items()}
    assert recipe_parameters(again, "llada2/threshold") == set_off
    kept = parameter_fields(["llada2/threshold"], "llada2/threshold", set_off)["own"]
    assert {field.value for field in kept if field.parameter.name == "stop_after_block"} == {OFF}
    assert as_typed("stop_after_block", True) != OFF


def test_the_page_shows_the_chosen_recipe_s_fields_alone(
    owner_client: Client, session: Session
) -> None:
    session.model.family = "llada"
    session.model.card = {"decoding": {"recipe": "fastdllm/threshold"}}
    session.model.save()
    page = owner_client.get(f"/sessions/{session.pk}/").content.decode()
    groups = dict(re.findall(r'data-option="(\w+)"( hidden disabled)?>', page))
    shown = {name for name, hidden in groups.items() if not hidden}
    assert shown == set(RECIPES["fastdllm/threshold"].uses) - set(ELSEWHERE)
    assert {"kl_threshold", "gamma"} <= groups.keys() - shown
    field = re.search(r'<input id="id_p_threshold"[^>]*>', page)
    assert field is not None
    assert 'max="1.0"' in field[0]
    assert 'placeholder="0.9"' in field[0]
    assert "sets its own pace" in page


def test_recipes_are_listed_in_the_catalogue_s_groups(session: Session) -> None:
    session.model.family = "llada"
    found = [group for group, _ in recipes(session.model)]
    assert found == [name for name in GROUPS if name in found]
    assert {"Basic", "LLaDA", "Fast-dLLM", "Research"} <= set(found)


def test_parameters_come_back_with_the_session_and_stay_with_another_branch(
    owner: User, session: Session
) -> None:
    session.model.family = "llada"
    Run.objects.create(
        session=session, branch=session.head_branch, recipe="fastdllm/threshold",
        parameters={"threshold": 0.7, "block_length": 4},
    )  # fmt: skip
    chosen = chosen_settings(owner, session)
    assert (chosen["recipe"], chosen["parameters"]) == ("fastdllm/threshold", {"threshold": 0.7})
    fields = parameter_fields(list(RECIPES), chosen["recipe"], chosen["parameters"])
    assert {f.value for f in fields["own"] if f.parameter.name == "threshold"} == {"0.7"}


@pytest.mark.parametrize(
    ("parameters", "pace"),
    [({"tokens_per_step": 3}, 3), ({"steps": 4}, 3), ({"steps": 5}, 3), ({}, 1)],
)
def test_tokens_a_step_come_back(
    owner: User, session: Session, parameters: dict[str, Any], pace: int
) -> None:
    Run.objects.create(
        session=session, branch=session.head_branch, recipe="llada/random", parameters=parameters
    )
    assert chosen_settings(owner, session)["tokens_to_select"] == pace


def test_a_run_and_a_preset_are_sent_with_the_fields(session: Session) -> None:
    fields = "p_kl_threshold=0.02&p_eta=1&tokens_to_select=4&strategy=random"
    form = QueryDict(f"recipe=klass/dream&{fields}")
    [run] = FORMS["run"](form, session)
    assert run["parameters"] == {"kl_threshold": 0.02}
    assert "tokens_per_step" not in run
    [preset] = FORMS["save_preset"](form, session)
    assert preset["values"]["parameters"] == {"kl_threshold": 0.02}


def test_comparisons_take_the_fields_of_each_side(
    owner_client: Client, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.commands.ask.WAIT_SECONDS", 0.0)
    monkeypatch.setattr("visualizer.views.compare.LOAD_WAIT_SECONDS", 0.0)
    page = owner_client.get(f"/sessions/{session.pk}/compare/").content.decode()
    assert 'id="parameters-a"' in page
    assert 'name="a_p_temperature"' in page
    data = {"recipe_a": "fastdllm/threshold", "a_p_threshold": "0.7", "b_p_threshold": "0.1",
            "recipe_b": "llada/random", "b_p_temperature": "0.5",
            "tokens_to_select": "2"}  # fmt: skip
    owner_client.post(f"/sessions/{session.pk}/compare/start/", data)
    sent = Command.objects.get(type="compare_runs").message["recipes"]
    assert sent == [
        {
            "recipe": "fastdllm/threshold",
            "parameters": {"threshold": 0.7},
            "name": "Fast-dLLM, threshold 0.7",
        },
        {
            "recipe": "llada/random",
            "parameters": {"temperature": 0.5},
            "tokens_per_step": 2,
            "name": "LLaDA, random order, temperature 0.5",
        },
    ]


def test_the_fields_of_another_recipe_are_fetched(owner_client: Client) -> None:
    got = owner_client.get(
        "/recipes/fields/?key=recipe_b&prefix=b_&recipe_b=klass"
    ).content.decode()
    assert 'name="b_p_kl_threshold"' in got
    assert "b_p_threshold" in got or "threshold" not in RECIPES["klass"].uses
    assert "hidden disabled" not in got
    assert owner_client.get("/recipes/fields/?key=recipe_c&prefix=c_&recipe_c=").status_code == 200
    assert owner_client.get("/recipes/fields/?key=recipe&recipe=nobody").status_code == 404
