"""The pages Generate and Infill: a form, its output in place, the account's defaults."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client, override_settings

from core.jobs import dispatch
from visualizer.api.defaults import defaults_of
from visualizer.models import Generation

pytestmark = pytest.mark.usefixtures("worker")
HTMX = {"HX-Request": "true"}
PROMPT = {"prompt": "Once upon a time", "max_new_tokens": "12", "model": "stories"}
PAGES = ("/generate/", "/infill/")


def output(client: Client, path: str, **form: str) -> Any:
    return client.post(path, form, headers=HTMX)


@pytest.mark.parametrize("path", PAGES)
def test_the_forms_offer_models_and_devices(owner_client: Client, path: str) -> None:
    page = owner_client.get(path).content.decode()
    assert "Small stories" in page
    assert '<option value="stories" selected>' in page
    assert "cuda" in page
    assert 'data-submit="#start"' in page
    with override_settings(ALLOW_GUESTS=False):
        assert Client().get(path).status_code == 302


def test_output_comes_in_place_and_leads_to_the_workspace(owner_client: Client) -> None:
    told = output(owner_client, "/generate/", **PROMPT).content.decode()
    row = Generation.objects.get()
    assert row.text.strip() in told
    assert f"/sessions/{row.session_id}/" in told
    assert "autofocus" in told
    assert "hx-trigger" not in told  # it has ended: nobody asks again


def test_without_script_the_output_is_a_page(owner_client: Client) -> None:
    answer = owner_client.post("/generate/", PROMPT, follow=True)
    row = Generation.objects.get()
    assert answer.redirect_chain[0][0].startswith(f"/generate/runs/{row.pk}/")
    assert row.text.strip() in answer.content.decode()


def test_while_it_is_written_the_output_asks_for_itself_again(
    owner_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "send", lambda task, argument: None)
    told = output(owner_client, "/generate/", auto_trim="on", **PROMPT).content.decode()
    row = Generation.objects.get()
    assert f"/generate/runs/{row.pk}/?auto_trim=1" in told
    assert "Waiting for a worker" in told
    again = output(owner_client, f"/generate/runs/{row.pk}/stop/")
    assert again.status_code == 200
    assert Generation.objects.get().cancel_requested


def test_gaps_are_filled(owner_client: Client) -> None:
    text = "Leo had a red kite.<gap> He was happy."
    told = output(owner_client, "/infill/", text=text, model="infill").content.decode()
    row = Generation.objects.get()
    assert row.usage["full_text"].startswith("Leo had a red kite.")
    assert "Leo had a red kite." in told
    assert "He was happy." in told


def test_a_failure_is_said_where_the_output_would_be(owner_client: Client) -> None:
    told = output(owner_client, "/generate/", **{**PROMPT, "max_new_tokens": "1000"})
    assert 'role="alert"' in told.content.decode()
    assert "max_new_tokens must be at most" in told.content.decode()


@pytest.mark.parametrize(
    "form",
    [
        {"prompt": ""},
        {"prompt": "a", "max_new_tokens": "x"},
        {"prompt": "a", "temperature": "99"},
        {"prompt": "a", "timeout": "-1"},
        {"prompt": "a" * 70_000},
        {"prompt": "a", "keep": "on", "device": "tpu"},
    ],
)
def test_odd_forms_are_refused(owner_client: Client, form: dict[str, str]) -> None:
    assert output(owner_client, "/generate/", **form).status_code == 400
    assert not Generation.objects.exists()


def test_hostile_text_is_text(owner_client: Client) -> None:
    output(owner_client, "/generate/", **PROMPT)
    Generation.objects.update(text="<script>alert(1)</script>")
    row = Generation.objects.get()
    page = owner_client.get(f"/generate/runs/{row.pk}/").content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_strangers_see_and_stop_nothing(
    owner_client: Client, stranger_client: Client, friend: User
) -> None:
    output(owner_client, "/generate/", **PROMPT)
    row = Generation.objects.get()
    theirs = Client()
    theirs.force_login(friend)
    for client in (stranger_client, theirs):
        assert client.get(f"/generate/runs/{row.pk}/").status_code == 404
        assert client.post(f"/generate/runs/{row.pk}/stop/").status_code == 404


def test_defaults_are_kept_with_the_account(
    owner_client: Client, owner: User, stranger: User, ask: Any
) -> None:
    form = {**PROMPT, "max_new_tokens": "5", "auto_trim": "on", "keep": "on", "device": "cpu"}
    output(owner_client, "/generate/", timeout="90", **form)
    kept = defaults_of(owner)
    assert kept == {
        "max_new_tokens": 5, "timeout": 90.0, "auto_trim": True, "fix_punctuation": False,
        "device": "cpu",
    }  # fmt: skip
    assert defaults_of(stranger) == {}
    page = owner_client.get("/infill/").content.decode()
    assert 'name="max_new_tokens" type="number" min="1" max="1024" value="5"' in page
    assert "<option selected>cpu</option>" in page
    told = ask.post("generate", model="stories", prompt="Once upon a time").json()
    assert told["text"] == told["text"].strip()
    assert told["usage"]["completion_tokens"] == 5
    assert ask.send("models/stories/load", b"").json()["model"]["device"] == "cpu"


def test_a_model_is_chosen_on_the_panel(owner_client: Client, ask: Any) -> None:
    answer = owner_client.post("/generate/model/", {"model": "addition", "page": "infill"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/infill/")
    assert ask.get("models/current").json()["id"] == "addition"
    missing = owner_client.post("/generate/model/", {"model": "nobody"}, follow=True)
    assert "There is no such model" in missing.content.decode()


@override_settings(DIFFUSION_LLM_ENABLED=False)
@pytest.mark.parametrize("path", PAGES)
def test_panels_go_with_the_service(owner_client: Client, path: str) -> None:
    assert owner_client.get(path).status_code == 503


def test_what_was_written_is_a_draft_until_it_has_a_name(
    owner_client: Client, stranger_client: Client
) -> None:
    told = output(owner_client, "/generate/", **PROMPT).content.decode()
    row = Generation.objects.get()
    assert "Draft" in told
    save = f"/generate/runs/{row.pk}/save/"
    assert stranger_client.post(save, {"name": "theirs"}).status_code == 404
    for name in ("", "  ", "x" * 201):
        assert output(owner_client, save, name=name).status_code == 400
    told = output(owner_client, save, name=" A  story ").content.decode()
    assert "Draft" not in told
    assert "A story" in told
    row.refresh_from_db()
    assert (row.saved, row.session and row.session.title) == (True, "A story")


def test_defaults_are_set_on_the_settings_page(owner_client: Client, owner: User, ask: Any) -> None:
    form = {"announce": "5", "max_new_tokens": "5", "timeout": "90", "fix_punctuation": "on"}
    assert owner_client.post("/settings/", form | {"device": "cpu"}).status_code == 302
    assert defaults_of(owner) == {
        "max_new_tokens": 5, "timeout": 90.0, "auto_trim": False, "fix_punctuation": True,
        "device": "cpu",
    }  # fmt: skip
    told = ask.post("generate", model="stories", prompt="Once upon a time").json()
    assert told["usage"]["completion_tokens"] == 5
    for field, value in {"max_new_tokens": "0", "timeout": "-1", "device": "tpu"}.items():
        assert owner_client.post("/settings/", form | {field: value}).status_code == 400
    assert defaults_of(owner)["max_new_tokens"] == 5
