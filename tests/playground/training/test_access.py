"""Owner, friend and stranger: who reaches a training, its texts, its model and its files."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from accounts.ownership import merge
from inference.models import ModelEntry
from playground.training.models import Text, Training
from tests.playground.training.conftest import Tell
from tests.playground.training.working import work_off

pytestmark = pytest.mark.django_db
Begin = Callable[..., Training]
ABOUT: list[dict[str, Any]] = [
    {"type": "pause"},
    {"type": "resume"},
    {"type": "stop"},
    {"type": "extend", "steps": 10},
    {"type": "rename", "name": "mine"},
    {"type": "delete"},
    {"type": "share"},
    {"type": "unshare", "link": 1},
    {"type": "whole"},
]
PATHS = ("", "share/", "model.zip")
POSTS = ("do/pause/", "do/delete/", "ask/", "share/1/revoke/")


@pytest.fixture
def done(begin: Begin) -> Training:
    """A finished training of the owner's."""
    training = begin()
    work_off()
    return Training.objects.get(pk=training.pk)


@pytest.mark.parametrize("message", ABOUT, ids=lambda row: str(row["type"]))
def test_commands_of_a_stranger_find_nothing(
    done: Training, tell: Tell, stranger: User, message: dict[str, Any]
) -> None:
    from inference.errors import UnmaskError

    told = []
    for id in (str(done.pk), "00000000-0000-4000-8000-000000000000"):
        with pytest.raises(UnmaskError) as caught:
            tell(stranger, training_id=id, **message)
        told.append((caught.value.error_type, caught.value.message))
    assert told[0] == told[1]
    assert told[0][0] == "not_found"
    assert Training.objects.filter(pk=done.pk, name=done.name).exists()


@pytest.mark.parametrize("path", PATHS)
def test_pages(done: Training, owner_client: Client, stranger_client: Client, path: str) -> None:
    address = f"/training/{done.pk}/{path}"
    assert owner_client.get(address).status_code == 200
    assert stranger_client.get(address).status_code == 404


@pytest.mark.parametrize("path", POSTS)
def test_buttons(done: Training, stranger_client: Client, path: str) -> None:
    assert stranger_client.post(f"/training/{done.pk}/{path}").status_code == 404
    assert Training.objects.filter(pk=done.pk).exists()


def test_a_stranger_s_training_cannot_be_asked(
    done: Training, stranger: User, sent: list[Any]
) -> None:
    import json

    from core.commands.submit import submit
    from core.worker.executor import execute
    from playground.training.commands import COMMANDS

    message = {"type": "ask", "training_id": str(done.pk), "prompt": "A"}
    row = submit(COMMANDS, user=stranger, channel="api", message=message)
    execute(COMMANDS, row.pk)
    row.refresh_from_db()
    assert json.loads(row.reply)["error_type"] == "not_found"
    assert not done.questions.exists()


def test_texts_are_their_owner_s(
    text: Text, owner_client: Client, stranger_client: Client, tell: Tell, stranger: User
) -> None:
    assert "Cats" in owner_client.get("/training/").content.decode()
    assert "Cats" not in stranger_client.get("/training/").content.decode()
    assert stranger_client.post(f"/training/texts/{text.pk}/delete/").status_code == 404
    reply = tell(stranger, type="train", kind="characters", text_id=text.pk)
    assert reply["error_type"] == "not_found"
    owner_client.post(f"/training/texts/{text.pk}/delete/")
    assert not Text.objects.exists()


def test_the_model_is_its_owner_s(done: Training, owner: User, stranger: User) -> None:
    assert done.model in ModelEntry.visible_to(owner)
    assert done.model not in ModelEntry.visible_to(stranger)


def test_a_link_shows_the_training_and_changes_nothing(
    done: Training, owner_client: Client, client: Client
) -> None:
    page = owner_client.post(f"/training/{done.pk}/share/", {"name": "for a friend"})
    address = page.context["address"]
    path = address[address.index("/r/") :]
    seen = client.get(path)
    assert seen.status_code == 200
    body = seen.content.decode()
    assert done.name in body
    assert "Stop and keep" not in body
    assert "<form" not in body.split('id="training"')[1]
    assert seen.headers["Cache-Control"] == "private, no-store"
    link = done.links.get()
    assert link.hash not in body
    owner_client.post(f"/training/{done.pk}/share/{link.pk}/revoke/")
    assert client.get(path).status_code == 404
    assert client.get("/r/training/never-was/").status_code == 404


def test_the_download_is_a_model_with_its_card(done: Training, owner_client: Client) -> None:
    answer = owner_client.get(f"/training/{done.pk}/model.zip?step=12")
    archive = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))  # type: ignore[arg-type]
    assert {
        "README.md",
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "unmask.json",
    } <= set(archive.namelist())
    assert "steps: 12" in archive.read("README.md").decode()
    for step in ("13", "-1", "x", "9" * 30):
        assert owner_client.get(f"/training/{done.pk}/model.zip?step={step}").status_code == 404


def test_a_guest_who_signs_in_keeps_everything(
    done: Training, owner: User, friend: User, text: Text
) -> None:
    merge(owner, friend)
    done.refresh_from_db()
    assert done.owner == friend
    assert ModelEntry.every.get(pk=done.model_id).owner == friend
    assert Text.objects.get().owner == friend


def test_deleting_takes_files_and_model_along(
    done: Training, tell: Tell, owner: User, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    folder = settings.TRAINING_DIR / str(done.pk)
    assert folder.is_dir()
    with django_capture_on_commit_callbacks(execute=True):
        assert tell(owner, type="delete", training_id=str(done.pk))["type"] == "deleted"
    assert not folder.exists()
    assert not Training.objects.exists()
    assert not ModelEntry.every.filter(pk=done.model_id).exists()
