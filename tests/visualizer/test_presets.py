"""Presets: named settings of one user."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from accounts.ownership import merge
from inference.errors import UnmaskError
from visualizer.models import Preset
from visualizer.selectors.presets import preset_for, presets_of
from visualizer.services import presets

pytestmark = pytest.mark.django_db
VALUES = {
    "recipe": "llada/low_confidence",
    "tokens_per_step": 2,
    "parameters": {"temperature": 0.5},
    "settings": {"softmax_temperature": 0.7, "top_p": 0.9},
}


def save(play: Any, user: User, name: str = "slow", **values: Any) -> Any:
    return play(user, type="save_preset", name=name, values={**VALUES, **values})


def test_a_preset_is_kept_replaced_and_deleted(play: Any, owner: User) -> None:
    first = save(play, owner)["presets"]
    assert [row["name"] for row in first] == ["slow"]
    assert first[0]["values"]["settings"]["top_p"] == 0.9
    assert first[0]["values"]["settings"]["visual_top_k"] == 20
    assert "seed" not in first[0]["values"]
    save(play, owner, tokens_per_step=5)
    save(play, owner, "another")
    listed = play(owner, type="list_presets")["presets"]
    assert [row["name"] for row in listed] == ["another", "slow"]
    assert preset_for(owner, "slow").values["tokens_per_step"] == 5
    assert len(play(owner, type="delete_preset", name="slow")["presets"]) == 1


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"recipe": "nobody/knows"}, "values.recipe"),
        ({"strategy": "x"}, "values.strategy"),
        ({"tokens_per_step": 0}, "values.tokens_per_step"),
        ({"tokens_per_step": "2"}, "values.tokens_per_step"),
        ({"settings": {"top_p": 2.0}}, "values.settings.top_p"),
        ({"settings": {"nonsense": 1}}, "values.settings.nonsense"),
        ({"parameters": {"x": "y" * 201}}, "values.parameters"),
        ({"parameters": {str(n): n for n in range(65)}}, "values.parameters"),
        ({"html": "<b>"}, "values.html"),
    ],
)
def test_values_keep_to_the_limits_of_the_commands(
    play: Any, owner: User, values: dict[str, Any], field: str
) -> None:
    with pytest.raises(UnmaskError) as refused:
        save(play, owner, **values)
    assert refused.value.field == field
    assert not Preset.objects.exists()


@pytest.mark.parametrize("name", ["", " ", "x" * 101])
def test_names_can_be_read(play: Any, owner: User, name: str) -> None:
    with pytest.raises(UnmaskError) as refused:
        save(play, owner, name)
    assert refused.value.field == "name"


def test_presets_belong_to_their_user(play: Any, owner: User, friend: User, stranger: User) -> None:
    save(play, owner)
    for user in (friend, stranger):
        assert play(user, type="list_presets")["presets"] == []
        assert play(user, type="delete_preset", name="slow")["error_type"] == "not_found"
        save(play, user, tokens_per_step=9)
    assert preset_for(owner, "slow").values["tokens_per_step"] == 2


def test_there_is_an_end_to_them(play: Any, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presets, "MOST", 2)
    save(play, owner, "one")
    save(play, owner, "two")
    assert save(play, owner, "three")["error_type"] == "conflict"
    assert save(play, owner, "two")["type"] == "preset_list"


def test_a_guest_brings_presets_along(play: Any, owner: User, friend: User) -> None:
    for user, names in ((owner, ("slow", "mine")), (friend, ("slow", "slow (2)"))):
        for name in names:
            save(play, user, name)
    merge(owner, friend)
    assert [row.name for row in presets_of(friend)] == ["mine", "slow", "slow (2)", "slow (3)"]
