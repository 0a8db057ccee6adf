"""The admin has a page for every kind of row, and shows nobody's texts unless it is asked for."""

from __future__ import annotations

import json
import uuid
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import models
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.links_admin import LinkAdmin
from inference.models import Stream, Vocabulary
from inference.read_only_admin import Concealed, Exportable, Part
from playground.models import Conversation, Message, TokenTree

pytestmark = pytest.mark.django_db
CANARY = "a heron in the reeds"

NO_PAGE = {
    "admin.LogEntry": "stands on the pages that it tells of",
    "auth.Permission": "chosen on the page of an account",
    "contenttypes.ContentType": "the framework's own",
    "sessions.Session": "the framework's own",
    "accounts.Profile": "on the page of its account",
    "inference.ModelFolder": "the page of models shows them",
    "inference.Stream": "its events have a page",
    "playground.CompletionToken": "the text and its record show them",
    "playground.TreeToken": "the tree's record shows them",
    "training.Point": "the training's page shows the curve",
    "training.Moment": "the training's page shows them",
    "training.Question": "the training's page shows them",
    "training.DayUse": "a sum by day",
}
"""Kinds of rows without a page in the admin, and where they are seen."""

TEXTS = {
    "inference.StreamEvent": ["payload"],
    "visualizer.Session": ["title", "prompt", "staged"],
    "visualizer.Note": ["text"],
    "visualizer.Command": ["message", "reply"],
    "visualizer.Generation": ["prompt", "text"],
    "visualizer.Calibration": ["places", "examples", "results"],
    "playground.Conversation": ["title", "folder", "system_prompt"],
    "playground.Message": ["text", "prefix"],
    "playground.ChatCommand": ["message", "reply"],
    "playground.Completion": ["prompt", "text"],
    "playground.CompletionToken": ["label", "text"],
    "playground.SideBySide": ["prompt"],
    "playground.TokenTree": ["text"],
    "playground.TreeToken": ["label"],
    "training.Moment": ["prompt", "sample"],
    "training.Question": ["prompt"],
    "training.Training": ["prompt"],
    "training.Text": ["text"],
    "training.TrainingCommand": ["message", "reply"],
    "library.RemoteGeneration": ["prompt", "text", "tokens"],
}
"""What people and models write, by kind of row."""

OURS = {"accounts", "inference", "visualizer", "playground", "training", "library"}
PAGES = [
    model for model in admin.site._registry if model._meta.app_label in OURS
]  # what was registered when the apps were loaded


def row_of(model: type[models.Model], depth: int = 0) -> Any:
    """A row with as little as the database asks for, and texts that are looked for afterwards."""
    found = model._default_manager.first() if depth and model is not Stream else None
    return found or model._default_manager.create(**_values(model, depth))


def _values(model: type[models.Model], depth: int) -> dict[str, Any]:
    texts = TEXTS.get(model._meta.label, [])
    values: dict[str, Any] = {}
    for field in model._meta.concrete_fields:
        if field.name in texts:
            values[field.name] = [CANARY] if isinstance(field, models.JSONField) else CANARY
        elif not (field.null or field.has_default() or field.primary_key):
            values[field.name] = _value(field, depth)
    return values


def _value(field: Any, depth: int) -> Any:
    if isinstance(field, models.ForeignKey):
        return row_of(field.related_model, depth + 1)
    for kind, make in _MADE.items():
        if isinstance(field, kind):
            return make()
    raise NotImplementedError(f"{field}")


_MADE: dict[type[models.Field[Any, Any]], Any] = {
    models.DateTimeField: timezone.now,
    models.DateField: lambda: timezone.now().date(),
    models.CharField: lambda: "x",
    models.TextField: lambda: "x",
    models.BinaryField: lambda: b"",
    models.IntegerField: lambda: 1,
    models.FloatField: lambda: 1.0,
    models.BooleanField: lambda: False,
    models.JSONField: list,
    models.UUIDField: uuid.uuid4,
}


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("boss"))
    return client


def address(model: Any, page: str, *key: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=key)


def test_every_kind_of_row_has_a_page_or_a_reason() -> None:
    rows = {model for model in apps.get_models() if not model.__module__.startswith("tests.")}
    without = {model._meta.label for model in rows - set(admin.site._registry)}
    assert without == set(NO_PAGE)


@pytest.mark.parametrize("model", PAGES, ids=lambda model: model._meta.label)
def test_lists_and_rows_open_and_tell_no_text(staff: Client, model: Any) -> None:
    row = row_of(model)
    pages = [address(model, "changelist") + "?q=x", address(model, "changelist")]
    pages.append(address(model, "change", row.pk))
    for page in pages:
        answer = staff.get(page)
        assert answer.status_code == 200, page
        assert CANARY not in answer.content.decode(), page
    assert staff.get(address(model, "add")).status_code == 403


@pytest.mark.parametrize(
    "model",
    [one for one in PAGES if isinstance(admin.site._registry[one], Concealed)],
    ids=lambda model: model._meta.label,
)
def test_a_text_is_shown_to_who_asks_and_that_is_logged(staff: Client, model: Any) -> None:
    row = row_of(model)
    shown = staff.get(address(model, "change", row.pk) + "?reveal=1").content.decode()
    assert CANARY in shown
    entry = LogEntry.objects.get()
    assert entry.change_message.startswith("Looked at ")
    assert CANARY not in entry.object_repr


@pytest.mark.parametrize(
    "model",
    [one for one in PAGES if isinstance(admin.site._registry[one], Part)],
    ids=lambda model: model._meta.label,
)
def test_a_part_is_not_deleted_by_itself(staff: Client, model: Any) -> None:
    row = row_of(model)
    assert staff.post(address(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert model._default_manager.filter(pk=row.pk).exists()


def test_what_goes_with_an_account_is_listed_without_texts(staff: Client) -> None:
    """Django lists all that a deletion takes along, each by its name."""
    for label in TEXTS:
        row_of(apps.get_model(label), depth=1)
    user = User.objects.get()
    page = staff.get(reverse("admin:auth_user_delete", args=[user.pk])).content.decode()
    assert "Conversation" in page
    assert CANARY not in page


def test_no_page_is_for_a_user_of_the_site(owner_client: Client) -> None:
    for model in PAGES:
        assert owner_client.get(address(model, "changelist")).status_code == 302


def export(staff: Client, model: Any, rows: list[Any]) -> Any:
    chosen = {"action": "export_records", "_selected_action": [str(row.pk) for row in rows]}
    return staff.post(address(model, "changelist"), chosen)


def unpacked(answer: Any) -> dict[str, Any]:
    with ZipFile(BytesIO(b"".join(answer.streaming_content))) as packed:
        return {name: json.loads(packed.read(name)) for name in packed.namelist()}


def test_records_of_conversations_and_trees_are_exported(staff: Client) -> None:
    message = row_of(Message)
    row = message.conversation
    [record] = unpacked(export(staff, Conversation, [row])).values()
    assert [one["text"] for one in record["messages"]] == [CANARY]
    tree = row_of(TokenTree)
    Vocabulary.objects.get_or_create(hash="x", size=0, pieces=b"")
    [record] = unpacked(export(staff, TokenTree, [tree])).values()
    assert CANARY in json.dumps(record)


def test_all_that_is_exported_has_a_page_that_conceals() -> None:
    for row_admin in admin.site._registry.values():
        assert not isinstance(row_admin, Exportable) or isinstance(row_admin, Concealed)


@pytest.mark.parametrize(
    "model",
    [one for one in PAGES if isinstance(admin.site._registry[one], LinkAdmin)],
    ids=lambda model: model._meta.label,
)
def test_links_are_revoked_and_their_hash_is_not_shown(staff: Client, model: Any) -> None:
    row = row_of(model)
    model.objects.update(hash="a-hash-of-a-token")
    assert "a-hash-of-a-token" not in staff.get(address(model, "change", row.pk)).content.decode()
    chosen = {"action": "revoke", "_selected_action": [str(row.pk)]}
    staff.post(address(model, "changelist"), chosen)
    assert model.objects.get().revoked is not None
