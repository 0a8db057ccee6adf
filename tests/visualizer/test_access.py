"""Nobody reaches a session of somebody else, by any command."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from accounts import tokens
from inference.errors import UnmaskError
from inference.models import StreamEvent
from tests.visualizer.test_door import GOOD
from visualizer.commands import COMMANDS
from visualizer.models import Command, Session
from visualizer.selectors import branch_for, session_for, sessions_of

pytestmark = pytest.mark.django_db
ON_SESSIONS = sorted(
    name for name, spec in COMMANDS.items() if "session_id" in spec.schema.model_fields
)


@pytest.mark.parametrize("type", ON_SESSIONS)
def test_strangers_and_friends_find_nothing(
    play: Any, friend: User, stranger: User, session: Session, type: str
) -> None:
    before = StreamEvent.objects.count()
    message = {**GOOD.get(type, {}), "session_id": str(session.pk)}
    unknown = {**message, "session_id": "00000000-0000-0000-0000-000000000000"}
    for user in (friend, stranger):
        assert _answer(play, user, type, message) == _answer(play, user, type, unknown)
    assert StreamEvent.objects.count() == before


def _answer(play: Any, user: User, type: str, message: dict[str, Any]) -> tuple[str, str]:
    try:
        reply = play(user, type=type, **message)
    except UnmaskError as error:
        return error.error_type, error.message
    assert reply["error_type"] == "not_found"
    return reply["error_type"], reply["message"]


def test_the_socket_s_session_is_checked_too(play: Any, stranger: User, session: Session) -> None:
    with pytest.raises(UnmaskError) as refused:
        play(stranger, session, type="forward_pass")
    assert refused.value.error_type == "not_found"


def test_sessions_are_listed_to_their_owner(
    play: Any, owner: User, stranger: User, session: Session
) -> None:
    assert [row["session_id"] for row in play(owner, type="list_sessions")["sessions"]] == [
        str(session.pk)
    ]
    assert play(stranger, type="list_sessions")["sessions"] == []
    assert list(sessions_of(stranger)) == []


def test_branches_of_other_sessions_do_not_exist(
    play: Any, owner: User, session: Session, start: Any
) -> None:
    other = start()
    with pytest.raises(UnmaskError) as refused:
        branch_for(session, other.head_branch_id)
    assert refused.value.error_type == "not_found"
    reply = play(owner, session, type="rewind", step=0, branch=other.head_branch_id)
    assert reply["error_type"] == "not_found"


def test_request_ids_belong_to_their_user(
    play: Any, owner: User, stranger: User, entry: Any
) -> None:
    mine = play(owner, type="initialize", prompt="mine", request_id="a")
    theirs = play(stranger, type="initialize", prompt="theirs", request_id="a")
    assert mine["session_id"] != theirs["session_id"]
    assert Command.objects.filter(request_id="a").count() == 2


def test_deleted_sessions_are_gone_until_restored(
    play: Any, owner: User, stranger: User, session: Session
) -> None:
    play(owner, session, type="delete_session")
    with pytest.raises(UnmaskError):
        session_for(owner, session.pk)
    refused = play(stranger, type="restore_session", session_id=str(session.pk))
    assert refused["error_type"] == "not_found"
    play(owner, type="restore_session", session_id=str(session.pk))
    assert session_for(owner, session.pk).deleted is None


def test_guests_things_go_to_the_account_that_they_sign_in_to(
    owner: User, friend: User, session: Session, play: Any
) -> None:
    from accounts.ownership import merge

    play(owner, session, type="forward_pass", request_id="same")
    play(friend, type="initialize", prompt="x", request_id="same")
    merge(owner, friend)
    assert session_for(friend, session.pk).pk == session.pk


def test_a_token_wins_over_a_cookie_in_pages_that_are_coroutines(
    session: Session, owner: User, stranger_client: Client
) -> None:
    header = {"authorization": f"Bearer {tokens.issue(owner)}"}
    for client in (Client(), stranger_client):
        page = client.get("/", headers=header)
        assert page.status_code == 200
        assert str(session.pk) in page.content.decode()
    assert str(session.pk) not in stranger_client.get("/").content.decode()
