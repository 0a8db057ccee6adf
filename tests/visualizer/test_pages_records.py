"""Importing a record through the page."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from inference.limits import BODY_BYTES
from inference.models import Vocabulary
from tests.visualizer.fakes import SIZE
from tests.visualizer.records.older import unsealed
from visualizer.models import Session, Step
from visualizer.records.chain import UNVERIFIED
from visualizer.records.schema import RECORD_BYTES, UPLOAD_BYTES
from visualizer.views import records

pytestmark = pytest.mark.django_db


def upload(client: Client, content: bytes) -> Any:
    file = SimpleUploadedFile("record.json", content, content_type="application/json")
    return client.post("/sessions/import/", {"record": file}, follow=True)


def test_an_exported_record_becomes_a_session_again(
    owner_client: Client, play: Any, owner: User, session: Session
) -> None:
    play(owner, session, type="forward_pass")
    start = str(len(session.prompt_ids))
    play(owner, session, type="apply_selection", selections={start: 3})
    record = unsealed(json.loads(owner_client.get(f"/sessions/{session.pk}/export/json/").content))
    record["model"]["tokenizer_hash"] = None  # the fake model has none
    response = upload(owner_client, json.dumps(record).encode())
    told = re.findall(r"toast-error.*?<p>(.*?)</p>", response.content.decode(), re.S)
    assert told == []
    fresh = Session.objects.exclude(pk=session.pk).get()
    assert fresh.owner == owner
    assert "Record imported." in response.content.decode()
    assert UNVERIFIED in response.content.decode()
    assert Step.objects.filter(branch__session=fresh).count() == 1


@pytest.fixture
def same_tokens(session: Session) -> None:
    """The fake model's vocabulary bears the name that records give it."""
    name = f"{'f' * 64}:{SIZE}"
    Vocabulary.objects.update(hash=hashlib.sha256(name.encode()).hexdigest())


@pytest.mark.usefixtures("same_tokens")
def test_a_file_that_an_editor_saved_again_comes_in_verified(
    owner_client: Client, session: Session
) -> None:
    record = owner_client.get(f"/sessions/{session.pk}/export/json/").content
    page = upload(owner_client, b"\xef\xbb\xbf" + record).content.decode()
    assert "Record imported." in page
    assert UNVERIFIED not in page
    assert Session.objects.count() == 2


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff\xfe", b'{"a": NaN}', b"{" * 50])
def test_other_files_are_refused_in_words(owner_client: Client, content: bytes) -> None:
    response = upload(owner_client, content)
    assert response.status_code == 200
    assert "toast-error" in response.content.decode()
    assert not Session.objects.exists()


def test_larger_files_than_a_request_holds_are_told_where_to_go(
    owner_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert UPLOAD_BYTES < BODY_BYTES < RECORD_BYTES
    assert "at most 15 MB" in owner_client.get("/sessions/").content.decode()
    monkeypatch.setattr(records, "UPLOAD_BYTES", 10)
    page = upload(owner_client, b"{" * 11).content.decode()
    assert "The record has more than 15 MB" in page
    assert "manage.py import_record" in page
