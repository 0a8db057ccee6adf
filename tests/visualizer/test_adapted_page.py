"""The adapted model on pages: the second example, its card, questions put into its template."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from inference import model_locations
from inference.engine import checkpoint
from inference.engine.chat import Message, chat_ids
from inference.engine.training.adaptation.low_rank import Adapter
from inference.models import ModelEntry
from tests.inference.engine.causal.tiny import write_model
from tests.inference.engine.training.test_adaptation import MASK, exported
from tests.visualizer.fakes import FakeRuntime
from visualizer.models import Session

pytestmark = pytest.mark.django_db


@pytest.fixture
def twin(tmp_path: Path) -> Any:
    parent = checkpoint.load(write_model(tmp_path / "parent"), dtype="float32")
    return exported(Adapter(parent, 2, MASK), parent, tmp_path)


@pytest.fixture
def adapted(entry: ModelEntry) -> ModelEntry:
    """A shipped model with the card of an adapted one."""
    row = {"asked": 30, "nats": 1.5, "distinct": 0.9, "tokens_per_step": 1.0}
    answers = {"parent": {**row, "right": 24}, "this": {**row, "right": 21}}
    entry.card = {
        "trained_on": "texts of its own",
        "chat": True,
        "training": {"base": "parent", "block": 8},
        "quality": {"answers": answers},
        "examples": [{"prompt": "What is the capital of France?", "gen_length": 32}],
    }
    entry.is_shipped = True
    entry.save()
    return entry


def test_a_question_is_put_into_the_chat_template(
    play: Any, owner: User, runtime: FakeRuntime, twin: Any
) -> None:
    runtime.model = twin
    reply = play(owner, type="initialize", prompt="hello?", gen_length=8, chat=True)
    session = Session.objects.get(pk=reply["session_id"])
    assert session.chat
    assert session.prompt == "hello?"
    assert session.prompt_ids == chat_ids(twin, [Message("user", "hello?")])
    plain = play(owner, type="initialize", prompt="hello?", gen_length=8)
    assert Session.objects.get(pk=plain["session_id"]).prompt_ids == twin.tokenizer.encode("hello?")


def test_a_model_without_a_template_refuses_questions_by_name(play: Any, owner: User) -> None:
    reply = play(owner, type="initialize", prompt="once", gen_length=8, chat=True)
    assert (reply["type"], reply["field"]) == ("error", "chat")
    assert not Session.objects.exists()


def test_the_first_page_offers_it_with_what_was_measured(
    owner_client: Client, adapted: ModelEntry
) -> None:
    page = owner_client.get("/").content.decode()
    section = page[page.index('id="adapted-head"') :]
    assert "it answers 21, its parent 24" in section
    assert f'name="model" value="{adapted.slug}"' in section
    assert f'href="/models/card/{adapted.slug}/"' in section
    assert 'id="id_chat" name="chat" checked' in page
    ModelEntry.objects.update(state=ModelEntry.State.ABSENT)
    assert "is not on this machine" in owner_client.get("/").content.decode()


def test_the_first_page_says_nothing_of_it_where_there_is_none(
    owner_client: Client, entry: ModelEntry
) -> None:
    ModelEntry.objects.exclude(pk=entry.pk).delete()
    page = owner_client.get("/").content.decode()
    assert "adapted-head" not in page
    assert "id_chat" not in page


def test_a_card_is_read_on_the_site(
    owner_client: Client, adapted: ModelEntry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / adapted.slug
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"model_type": "llada"}))
    (folder / "README.md").write_text("# A card\n\n| a |\n| - |\n| 7 |\n\n<script>alert(1)")
    monkeypatch.setattr(model_locations, "SHIPPED_DIR", tmp_path)
    page = owner_client.get(f"/models/card/{adapted.slug}/").content.decode()
    assert "<h1>A card</h1>" in page
    assert "<td>7</td>" in page
    assert "<script>alert" not in page
    assert owner_client.get("/models/card/nobody/knows/").status_code == 404


def test_a_card_without_a_file_is_what_is_known(
    owner_client: Client, entry: ModelEntry, stranger_client: Client, owner: User
) -> None:
    ModelEntry.objects.filter(pk=entry.pk).update(card={"trained_on": "a <b>tale</b>"})
    page = owner_client.get(f"/models/card/{entry.slug}/").content.decode()
    assert "a &lt;b&gt;tale&lt;/b&gt;" in page
    assert stranger_client.get(f"/models/card/{entry.slug}/").status_code == 200
