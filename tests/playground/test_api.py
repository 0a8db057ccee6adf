"""`POST /api/chat` in this process: who may ask, and what is refused before anything is written."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from playground.models import Conversation, Message
from tests.playground.bad import BAD

pytestmark = pytest.mark.django_db
ADDRESS = "/api/chat"
STATUS = {"not_found": 404, "model_unavailable": 503}
HELLO = {"message": "hello"}


def post(client: Client, body: Any, **options: Any) -> tuple[int, dict[str, Any]]:
    kind = options.pop("content_type", "application/json")
    answer = client.post(ADDRESS, body, content_type=kind, **options)
    return answer.status_code, answer.json()


@pytest.mark.parametrize(("body", "field"), [row for row in BAD if "type" not in row[0]])
def test_bad_requests_are_refused_by_field(
    model: Any, owner_client: Client, sent: Any, body: dict[str, Any], field: str | None
) -> None:
    status, told = post(owner_client, body)
    assert (told["type"], told.get("field")) == ("error", field)
    assert status == STATUS.get(told["error_type"], 400)
    assert not Message.objects.exists()


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff\xfe", b"{", b'{"message": NaN}'])
def test_bodies_that_are_no_object_are_refused(
    model: Any, owner_client: Client, body: bytes
) -> None:
    status, told = post(owner_client, body)
    assert (status, told["error_type"]) == (400, "validation")


def test_a_form_of_another_site_is_refused(model: Any, owner: User, owner_client: Client) -> None:
    assert post(owner_client, b"message=hello", content_type="text/plain")[0] == 400
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(owner)
    assert post(strict, HELLO)[0] == 401
    assert not Conversation.objects.exists()


def test_a_stranger_s_conversation_is_not_found(chat: Any, stranger_client: Client) -> None:
    conversation = chat("Once upon a time", settings={"max_new_tokens": 4})
    for id in (str(conversation.pk), conversation.file_name):
        status, told = post(stranger_client, {**HELLO, "conversation_id": id})
        assert (status, told["error_type"]) == (404, "not_found")


def test_a_wrong_token_is_refused(model: Any) -> None:
    assert post(Client(), HELLO, headers={"Authorization": "Bearer wrong"})[0] == 401
