"""Conversations as files, and back again without loss, as often as one likes."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from inference.errors import UnmaskError
from playground.models import Conversation
from playground.records.exporter import record_of
from playground.records.importer import import_record
from tests.playground.conftest import answer_of
from tests.playground.working import work_off

pytestmark = pytest.mark.django_db
SHORT = {"max_new_tokens": 12}


@pytest.fixture
def branched(chat: Any, tell: Any, owner: Any) -> Conversation:
    """Two answers to the second of two questions."""
    conversation = chat("Once upon a time", "The end", settings=SHORT, system_prompt="Be kind.")
    message = answer_of(conversation)
    tell(owner, conversation, type="regenerate", message_id=message.pk)
    work_off()
    conversation.refresh_from_db()
    return conversation


def without_name(record: dict[str, Any]) -> dict[str, Any]:
    return {**record, "file_name": ""}


def test_a_record_comes_back_twice_without_loss(branched: Conversation, owner: Any) -> None:
    record = json.loads(json.dumps(record_of(branched)))
    assert len(record["messages"]) == 5
    for _ in range(2):
        again = import_record(owner=owner, raw=record)
        assert without_name(record_of(again)) == without_name(record)
    assert Conversation.objects.values("file_name").distinct().count() == 3


def test_files_are_named_by_the_moment(branched: Conversation, owner_client: Client) -> None:
    for form, kind in (("md", "text/markdown"), ("txt", "text/plain"), ("json", "application/")):
        answer = owner_client.get(reverse("export_chat", args=[branched.pk, form]))
        assert answer.headers["Content-Type"].startswith(kind)
        name = branched.file_name.replace(".txt", f".{form}")
        assert f'filename="{name}"' in answer.headers["Content-Disposition"]
        assert "Once upon a time" in answer.content.decode()
    assert owner_client.get(reverse("export_chat", args=[branched.pk, "exe"])).status_code == 404


def test_a_mark_in_front_of_a_file_is_no_fault(
    branched: Conversation, owner_client: Client
) -> None:
    """Some editors begin every file with one."""
    text = "\ufeff" + json.dumps(record_of(branched))
    owner_client.post(reverse("import_chat"), {"record": io.BytesIO(text.encode())})
    assert Conversation.objects.count() == 2


def test_an_upload_becomes_a_conversation(branched: Conversation, owner_client: Client) -> None:
    file = io.BytesIO(json.dumps(record_of(branched)).encode())
    answer = owner_client.post(reverse("import_chat"), {"record": file})
    newest = Conversation.objects.order_by("created").last()
    assert newest is not None
    assert answer.headers["Location"] == reverse("conversation", args=[newest.pk])
    page = owner_client.get(answer.headers["Location"]).content.decode()
    assert "2/2" in page


def changed(**fields: Any) -> Any:
    return lambda record: {**record, **fields}


def message_with(**fields: Any) -> Any:
    return lambda record: {**record, "messages": [{**record["messages"][0], **fields}]}


FAULTS = [
    (changed(format="other"), "format"),
    (changed(version=2), "version"),
    (changed(version=True), "version"),
    (changed(version=1.0), "version"),
    (changed(head=99), "head"),
    (changed(unknown=1), "unknown"),
    (changed(title="x" * 201), "title"),
    (changed(settings={"temperature": "hot"}), "settings.temperature"),
    (changed(messages="none"), "messages"),
    (changed(file_name="../../etc/passwd"), "file_name"),
    (message_with(role="system"), "messages.0.role"),
    (message_with(parent=7), "messages"),
    (message_with(status="writing"), "messages.0.status"),
    (message_with(seconds=-1.0), "messages.0.seconds"),
    (message_with(text=5), "messages.0.text"),
]


@pytest.mark.parametrize(("change", "field"), FAULTS)
def test_faulty_records_leave_nothing_behind(
    branched: Conversation, owner: Any, change: Any, field: str
) -> None:
    record = change(json.loads(json.dumps(record_of(branched))))
    with pytest.raises(UnmaskError) as refused:
        import_record(owner=owner, raw=record)
    assert refused.value.field == field
    assert Conversation.objects.count() == 1


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b"{", b"{}", b"\x00"])
def test_files_that_are_no_records_are_refused(
    model: Any, owner_client: Client, content: bytes
) -> None:
    answer = owner_client.post(reverse("import_chat"), {"record": io.BytesIO(content)})
    assert answer.headers["Location"] == reverse("chats")
    assert not Conversation.objects.exists()
