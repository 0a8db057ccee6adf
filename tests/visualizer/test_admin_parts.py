"""The admin leaves the record whole and does not show what people wrote unless it is asked for."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from visualizer.models import Branch, Command, Digest, Note, Run, Session, Step
from visualizer.services.sessions import delete_session

pytestmark = pytest.mark.django_db
PARTS = [Branch, Step, Note, Digest, Run, Command]


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("boss"))
    return client


@pytest.fixture
def made(play: Any, owner: User, start: Any) -> Session:
    session: Session = start(prompt="a secret plan")
    play(owner, session, type="forward_pass")
    play(owner, session, type="apply_selection", selections={"14": 9})
    play(owner, session, type="note", text="a secret thought")
    return session


@pytest.mark.parametrize("model", PARTS)
def test_no_part_of_a_session_can_be_deleted_by_itself(
    staff: Client, made: Session, model: Any
) -> None:
    row, name = model.objects.first(), f"admin:visualizer_{model._meta.model_name}"
    changelist = reverse(f"{name}_changelist")
    assert "delete_selected" not in staff.get(changelist).content.decode()
    if row is None:
        return
    assert staff.post(reverse(f"{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
    staff.post(changelist, chosen)
    assert model.objects.filter(pk=row.pk).exists()


def test_a_whole_session_can_be_deleted(staff: Client, made: Session) -> None:
    address = reverse("admin:visualizer_session_delete", args=[made.pk])
    assert staff.post(address, {"post": "yes"}).status_code == 302
    assert not Session.objects.exists()
    assert not Step.objects.exists()


def test_what_was_written_is_hidden_until_asked_for_and_that_is_logged(
    staff: Client, made: Session
) -> None:
    address = reverse("admin:visualizer_session_change", args=[made.pk])
    hidden = staff.get(address).content.decode()
    assert "secret" not in hidden
    assert "13 characters, not shown" in hidden
    assert not LogEntry.objects.exists()
    assert "a secret plan" in staff.get(f"{address}?reveal=1").content.decode()
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.change_message) == (
        str(made.pk),
        "Looked at title and prompt.",
    )
    assert "secret" not in entry.object_repr
    assert "View on site" in hidden


def test_a_note_is_hidden_until_asked_for_and_that_is_logged(staff: Client, made: Session) -> None:
    address = reverse("admin:visualizer_note_change", args=[Note.objects.get().pk])
    hidden = staff.get(address).content.decode()
    assert "secret" not in hidden
    assert "16 characters, not shown" in hidden
    assert not LogEntry.objects.exists()
    assert "a secret thought" in staff.get(f"{address}?reveal=1").content.decode()
    assert LogEntry.objects.get().change_message == "Looked at a note."


def test_lists_show_no_prompt_and_steps_name_their_session(staff: Client, made: Session) -> None:
    for model in (Session, *PARTS):
        page = staff.get(reverse(f"admin:visualizer_{model._meta.model_name}_changelist"))
        assert "secret" not in page.content.decode()
    steps = staff.get(reverse("admin:visualizer_step_changelist")).content.decode()
    assert reverse("admin:visualizer_session_change", args=[made.pk]) in steps
    assert "1 commit" in steps


def test_deleted_sessions_are_brought_back(staff: Client, made: Session) -> None:
    delete_session(session=made)
    chosen = {"action": "bring_back", "_selected_action": [str(made.pk)]}
    staff.post(reverse("admin:visualizer_session_changelist"), chosen)
    made.refresh_from_db()
    assert made.deleted is None


def export(staff: Client, rows: list[Session]) -> Any:
    chosen = {"action": "export_records", "_selected_action": [str(row.pk) for row in rows]}
    return staff.post(reverse("admin:visualizer_session_changelist"), chosen)


def test_records_are_exported_and_that_is_logged(staff: Client, owner: User, start: Any) -> None:
    sessions = [start(prompt="one"), start(prompt="two")]
    answer = export(staff, sessions)
    assert answer["Content-Disposition"] == 'attachment; filename="unmask-records.zip"'
    with ZipFile(BytesIO(b"".join(answer.streaming_content))) as packed:
        records = {name: json.loads(packed.read(name)) for name in packed.namelist()}
    prompts = {name: record["session"]["prompt"] for name, record in records.items()}
    assert prompts == {f"unmask-{row.pk}.json": row.prompt for row in sessions}
    logged = LogEntry.objects.values_list("object_id", "change_message")
    assert set(logged) == {(str(row.pk), "Exported the record.") for row in sessions}


def test_too_many_records_are_refused(
    staff: Client, start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inference.read_only_admin.MOST_RECORDS", 1)
    answer = export(staff, [start(), start()])
    assert "Choose 1 at most." in staff.get(answer["Location"]).content.decode()
    assert not LogEntry.objects.exists()
