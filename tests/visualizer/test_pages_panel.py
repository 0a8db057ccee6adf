"""What the run panel begins with: recipes that suit, card, account, preset; the settings page."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from accounts.models import Profile
from inference.models import ModelEntry
from visualizer.models import Preset, Session
from visualizer.views.panel_defaults import chosen_settings
from visualizer.views.recipes import suitable


def entry(family: str, **fields: Any) -> ModelEntry:
    return ModelEntry(slug=fields.pop("slug", "some"), family=family, **fields)


@pytest.mark.parametrize(
    ("model", "has", "lacks"),
    [
        (entry("llada"), "wino", "dreamon"),
        (entry("llada", card={"decoding": {"recipe": "dreamon"}}), "dreamon", "llada2/edit"),
        (
            entry("llama", card={"decoding": {"recipe": "llada2/threshold"}}),
            "llada2/threshold",  # what its card was measured with
            "llada2/edit",
        ),
        (entry("Dream"), "dream/entropy", "wino"),
        (entry("dream", slug="Dream-org/DreamOn-v0-7B"), "dreamon", "wino"),
        (entry("llada2_moe"), "llada2/edit", "diffusion_gemma"),
        (entry("sdar"), "llada2/threshold", "llada2/edit"),
        (entry("diffusion_gemma"), "diffusion_gemma", "llada/low_confidence"),
        (entry("modernbert"), "llada/random", "fastdllm/dual"),
    ],
)
def test_only_recipes_that_suit_are_offered(model: ModelEntry, has: str, lacks: str) -> None:
    found = suitable(model)
    assert has in found
    assert lacks not in found


@pytest.mark.django_db
def test_the_account_s_defaults_stand_between_card_and_session(
    owner: User, session: Session
) -> None:
    session.model.card = {"decoding": {"recipe": "llada/random", "tokens_per_step": 3}}
    Profile.objects.update_or_create(
        user=owner, defaults={"settings": {"defaults": {"tokens_to_select": 5, "top_p": 0.9}}}
    )
    session.settings = {"top_p": 0.8}
    chosen = chosen_settings(owner, session)
    assert (chosen["recipe"], chosen["tokens_to_select"], chosen["top_p"]) == (
        "llada/random", 5, 0.8,
    )  # fmt: skip
    assert chosen["parameters"] == {}
    session.model.card["decoding"]["eos_last"] = True
    assert chosen_settings(owner, session)["parameters"] == {"eos_last": True}


@pytest.mark.django_db
def test_a_card_s_parameters_go_with_its_own_recipe(owner: User, session: Session) -> None:
    usual = {"recipe": "llada2/threshold", "threshold": 1.0, "block_length": 8, "steps": 3}
    session.model.card = {"decoding": usual}
    chosen = chosen_settings(owner, session)
    assert (chosen["recipe"], chosen["parameters"]) == ("llada2/threshold", {"threshold": 1.0})
    settings = {"defaults": {"recipe": "fastdllm/threshold"}}
    Profile.objects.update_or_create(user=owner, defaults={"settings": settings})
    chosen = chosen_settings(owner, session)
    assert (chosen["recipe"], chosen["parameters"]) == ("fastdllm/threshold", {})


@pytest.mark.django_db
def test_settings_are_kept_and_honoured(
    owner_client: Client, owner: User, session: Session
) -> None:
    Profile.objects.get_or_create(user=owner)
    data = {"gen_length": "40", "tokens_to_select": "2", "recipe": "rank/random", "keys_off": "on",
            "announce": "9", "eos_last": "on"}  # fmt: skip
    assert owner_client.post("/settings/", data).status_code == 302
    assert 'value="40"' in owner_client.get("/").content.decode()
    body = owner_client.get(f"/sessions/{session.pk}/").content.decode()
    assert 'data-keys="off" data-announce="9"' in body
    assert '<option value="rank/random"' in body
    assert owner_client.get("/settings/").content.decode().count(" checked") == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    "data", [{"gen_length": "0"}, {"top_p": "1.5"}, {"tokens_to_select": "1.5"}, {"announce": "1"}]
)
def test_settings_outside_their_range_are_refused(
    owner_client: Client, owner: User, data: dict[str, str]
) -> None:
    Profile.objects.get_or_create(user=owner)
    assert owner_client.post("/settings/", {"announce": "5", **data}).status_code == 400
    assert "defaults" not in Profile.objects.get(user=owner).settings


@pytest.mark.django_db
def test_presets_are_saved_used_and_deleted_by_plain_forms(
    owner_client: Client, owner: User, session: Session
) -> None:
    path = f"/sessions/{session.pk}/"
    data = {"preset_name": "bold <b>", "recipe": "rank/random", "strategy": "random",
            "tokens_to_select": "7", "softmax_temperature": "0.7", "visual_top_k": "20",
            "actual_top_k": "10", "top_p": "1.0", "gumbel_temperature": "0"}  # fmt: skip
    owner_client.post(f"{path}do/save_preset/", data)
    assert Preset.objects.get(owner=owner).values["tokens_per_step"] == 7
    body = owner_client.get(f"{path}?preset=bold+%3Cb%3E").content.decode()
    assert 'value="7"' in body
    assert "bold &lt;b&gt;" in body
    assert "bold <b>" not in body
    owner_client.post(f"{path}do/delete_preset/", {"preset": "bold <b>"})
    assert not Preset.objects.exists()
