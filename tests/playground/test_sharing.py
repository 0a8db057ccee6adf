"""Links to conversations: a friend who has one reads, a stranger finds nothing, nobody writes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from config.routing import websockets
from core.sockets import consumer
from playground.consumers.conversation import HEARTBEAT_TICKS
from playground.models import ChatCommand, Conversation, ConversationLink, Message
from tests.playground.conftest import answer_of
from tests.playground.working import work_off

pytestmark = pytest.mark.django_db
SHORT = {"max_new_tokens": 8}
ONCE = "Once upon a time"


@pytest.fixture
def conversation(chat: Any) -> Conversation:
    found: Conversation = chat(ONCE, settings=SHORT)
    return found


@pytest.fixture
def path(tell: Any, owner: User, conversation: Conversation) -> str:
    """The address that a link opens."""
    return str(tell(owner, conversation, type="share", name="for a friend")["path"])


def test_a_friend_reads_and_a_stranger_finds_nothing(
    path: str, conversation: Conversation, stranger_client: Client
) -> None:
    friend = Client()
    answer = answer_of(conversation)
    page = friend.get(path)
    text = page.content.decode()
    assert page.status_code == 200
    assert ONCE in text
    assert "noindex" in page.headers["X-Robots-Tag"]
    for hidden in ("data-do=", "composer", "chat-side", answer.url):
        assert hidden not in text
    assert friend.get(f"{path}line/").status_code == 200
    assert friend.get(f"{path}turn/{answer.pk}/").status_code == 200
    assert friend.get(f"{path}turn/{10**9}/").status_code == 404
    assert stranger_client.get("/r/chat/not-a-token/").status_code == 404
    own = reverse("conversation", args=[conversation.pk])
    assert stranger_client.get(own).status_code == 404
    assert friend.post(path).status_code in (403, 405)


@pytest.mark.parametrize("end", ["revoked", "expired", "deleted", "closed"])
def test_a_link_that_has_ended_opens_nothing(
    path: str, tell: Any, owner: User, conversation: Conversation, end: str
) -> None:
    link = ConversationLink.objects.get()
    if end == "revoked":
        assert tell(owner, conversation, type="unshare", link=link.pk)["links"] == []
    elif end == "expired":
        past = timezone.now() - timedelta(hours=1)
        ConversationLink.objects.update(expires=past)
    elif end == "deleted":
        tell(owner, conversation, type="delete")
    else:
        User.objects.filter(pk=owner.pk).update(is_active=False)
    assert Client().get(path).status_code == 404


def test_the_token_is_told_once_and_not_kept(
    path: str, tell: Any, owner: User, conversation: Conversation
) -> None:
    token = path.rstrip("/").rpartition("/")[2]
    assert token not in ConversationLink.objects.get().hash
    kept = ChatCommand.objects.filter(type="share").values_list("reply", flat=True)
    assert all(token not in reply for reply in kept)


def test_only_the_owner_shares_and_revokes(
    path: str, conversation: Conversation, owner_client: Client, stranger_client: Client
) -> None:
    page = reverse("share_chat", args=[conversation.pk])
    link = ConversationLink.objects.get()
    revoke = reverse("unshare_chat", args=[conversation.pk, link.pk])
    for client in (stranger_client,):
        assert client.get(page).status_code == 404
        assert client.post(page).status_code == 404
        assert client.post(revoke).status_code == 404
    made = owner_client.post(page, {"name": "second", "hours": "24"}).content.decode()
    assert "/r/chat/" in made
    assert "/r/chat/" not in owner_client.get(page).content.decode()
    owner_client.post(revoke)
    assert Client().get(path).status_code == 404
    refused = owner_client.post(page, {"hours": "0"})
    assert "hours must be at least 1" in refused.content.decode()


def test_who_may_only_read_writes_nothing(path: str, conversation: Conversation) -> None:
    answer = answer_of(conversation)
    for name in ("send", "stop", "edit", "regenerate", "continue", "choose", "show", "delete"):
        fields = {"message": "x", "message_id": answer.pk, "number": 0, "token": 0}
        refused = Client().post(f"{path}do/{name}/", fields, headers={"Accept": "application/json"})
        assert (refused.status_code, refused.json()["error_type"]) == (401, "auth")
    assert Message.objects.count() == 2
    assert Client().get(f"{path}do/send/").status_code == 405
    assert Client().post("/r/chat/not-a-token/do/send/").status_code == 404


def test_a_link_to_write_in_writes_turns_and_nothing_else(
    tell: Any, owner: User, conversation: Conversation, chat: Any
) -> None:
    other = chat(ONCE, settings=SHORT)
    path = tell(owner, conversation, type="share", may_write=True)["path"]
    client = Client()
    page = client.get(path).content.decode()
    assert f'action="{path}do/send/"' in page
    assert answer_of(conversation).url not in page
    assert "chat-side" not in page
    hidden = {"conversation_id": str(other.pk), "model": "sudoku", "system_prompt": "Be bad."}
    sent = client.post(f"{path}do/send/", {"message": "And then", **hidden})
    assert (sent.status_code, sent.headers["Location"]) == (302, path)
    work_off()
    conversation.refresh_from_db()
    assert (conversation.system_prompt, conversation.model.slug) == ("", "stories")
    assert Message.objects.filter(conversation=other).count() == 2
    assert Message.objects.filter(conversation=conversation).count() == 4
    program = {"Accept": "application/json"}
    for name in ("change", "delete", "share", "restore", "nothing"):
        refused = client.post(f"{path}do/{name}/", {"title": "mine"}, headers=program)
        assert refused.json()["error_type"] == "auth"
    stranger = client.post(
        f"{path}do/regenerate/", {"message_id": answer_of(other).pk}, headers=program
    )
    assert stranger.json()["error_type"] == "not_found"
    tell(owner, conversation, type="unshare", link=ConversationLink.objects.get().pk)
    assert client.post(f"{path}do/send/", {"message": "x"}).status_code == 404


def test_readers_see_how_an_answer_formed(path: str, conversation: Conversation) -> None:
    answer = answer_of(conversation)
    told = Client().get(f"{path}turn/{answer.pk}/drafts/").json()
    assert len(told["drafts"]) > 2
    assert told["prefix"] == ""
    assert Client().get(f"{path}turn/{answer.pk}/tokens/").status_code == 200
    assert Client().get(f"{path}turn/{10**9}/drafts/").status_code == 404


@pytest.mark.django_db(transaction=True)
async def test_readers_watch_and_change_nothing(
    path: str, tell: Any, owner: User, conversation: Conversation
) -> None:
    from asgiref.sync import sync_to_async

    token = path.rstrip("/").rpartition("/")[2]
    headers = [(b"host", b"localhost")]
    socket = WebsocketCommunicator(websockets, f"/ws/r/chat/{token}/", headers)
    assert (await socket.connect())[0]
    whole = await socket.receive_json_from()
    assert (whole["type"], whole["messages"][0]["content"]) == ("conversation", ONCE)
    await socket.send_json_to({"type": "change", "title": "mine"})
    assert (await socket.receive_json_from())["error_type"] == "auth"
    link = await ConversationLink.objects.aget()
    await sync_to_async(tell)(owner, conversation, type="unshare", link=link.pk)
    assert (await socket.receive_output(timeout=5))["code"] == 4404
    await conversation.arefresh_from_db()
    assert conversation.title == ONCE
    other = WebsocketCommunicator(websockets, "/ws/r/chat/none/", headers)
    await other.connect()
    assert (await other.receive_output(timeout=5))["code"] == 4404


@pytest.mark.django_db(transaction=True)
async def test_a_quiet_socket_hears_a_heartbeat(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every 15 ticks of a second; here the ticks are short, and nothing else happens meanwhile."""
    monkeypatch.setattr(consumer, "TICK_SECONDS", 0.01)
    token = path.rstrip("/").rpartition("/")[2]
    socket = WebsocketCommunicator(websockets, f"/ws/r/chat/{token}/", [(b"host", b"localhost")])
    assert (await socket.connect())[0]
    frames = [await socket.receive_json_from(timeout=10) for _ in range(3)]
    assert [frame["type"] for frame in frames] == ["conversation", "heartbeat", "heartbeat"]
    await socket.disconnect()


def test_heartbeats_are_as_far_apart_as_the_document_says() -> None:
    assert HEARTBEAT_TICKS * consumer.TICK_SECONDS == 15
