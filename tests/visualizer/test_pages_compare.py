"""Comparison pages: sides, figures, strangers, and the form that starts whole runs."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from visualizer.models import Branch, Run, Session

pytestmark = pytest.mark.django_db


def address(session: Session, rest: str = "") -> str:
    return f"/sessions/{session.pk}/compare/{rest}"


@pytest.fixture
def forked(play: Any, owner: User, session: Session) -> tuple[Session, int, int]:
    """A session with two lines that part at the start."""
    first = Branch.objects.get(session=session).pk
    start = len(session.prompt_ids)
    _write(play, owner, session, {start: 3, start + 1: 4})
    play(owner, session, type="rewind", step=0)
    _write(play, owner, session, {start: 3, start + 1: 5})
    second = Branch.objects.filter(session=session).exclude(pk=first).get().pk
    return session, first, second


def boxed(body: str) -> int:
    """Cells that are marked as written differently."""
    return len(re.findall(r'class="cell[^"]* differs"', body))


def _write(play: Any, owner: User, session: Session, picks: dict[int, int]) -> None:
    """Two steps, a token each."""
    for position, token in picks.items():
        play(owner, session, type="forward_pass")
        play(owner, session, type="apply_selection", selections={str(position): token})


def test_two_lines_stand_side_by_side_with_their_figures(
    owner_client: Client, forked: tuple[Session, int, int]
) -> None:
    session, first, second = forked
    body = owner_client.get(address(session, f"?a={first}&b={second}:1")).content.decode()
    assert body.count('class="side"') == 2
    assert "positions agree" in body
    assert "Tokens per forward" in body
    assert "step 1 /" in body
    assert boxed(body) == 0  # at its first step the second line still agrees
    whole = owner_client.get(address(session, f"?a={first}&b={second}")).content.decode()
    assert boxed(whole) == 2
    assert "step 2, position" in whole


def test_without_sides_the_newest_two_are_shown(
    owner_client: Client, forked: tuple[Session, int, int]
) -> None:
    body = owner_client.get(address(forked[0])).content.decode()
    assert body.count('class="side"') == 2


def test_one_branch_alone_offers_the_form_only(owner_client: Client, session: Session) -> None:
    body = owner_client.get(address(session)).content.decode()
    assert "one branch only" in body
    assert 'class="side"' not in body


@pytest.mark.parametrize("query", ["?a=0", "?a=x", "?a=999999999", "?a=-1:3"])
def test_unknown_branches_do_not_exist(owner_client: Client, session: Session, query: str) -> None:
    assert owner_client.get(address(session, query)).status_code == 404


def test_others_see_and_start_nothing(
    friend: User, stranger_client: Client, session: Session
) -> None:
    friend_client = Client()
    friend_client.force_login(friend)
    for client in (friend_client, stranger_client):
        assert client.get(address(session)).status_code == 404
        assert client.post(address(session, "start/"), {"recipe_a": "x"}).status_code == 404
    assert not Run.objects.filter(session=session).exists()


def test_a_single_recipe_is_refused_in_words(owner_client: Client, session: Session) -> None:
    data = {"recipe_a": "rank/random", "step": "0"}
    response = owner_client.post(address(session, "start/"), data, follow=True)
    assert "recipes" in response.content.decode()
    assert not Run.objects.filter(session=session).exists()


def test_lines_of_one_s_other_sessions_can_be_chosen(
    play: Any, owner: User, owner_client: Client, forked: tuple[Session, int, int], start: Any
) -> None:
    session, first, _ = forked
    same, other = start(block_length=4), start(prompt="another", gen_length=6)
    position = len(same.prompt_ids)
    _write(play, owner, same, {position: 3, position + 1: 9})
    body = owner_client.get(address(session)).content.decode()
    for group in ("This session: once", "Same start: once", "Other start: another"):
        assert f'<optgroup label="{group}">' in body
    query = f"?a={first}&b={same.head_branch_id}"
    body = owner_client.get(address(session, query)).content.decode()
    assert boxed(body) == 2
    assert 'data-pair="ab"' in body
    assert f'href="/sessions/{same.pk}/?branch={same.head_branch_id}' in body
    assert "step 2, position" in body
    query = f"?a={first}&b={other.head_branch_id}"
    body = owner_client.get(address(session, query)).content.decode()
    assert "prompt and length differ, so tokens cannot be set against each other" in body
    assert 'data-pair="ab"' not in body
    assert boxed(body) == 0


def test_lines_of_other_people_s_sessions_cannot(
    play: Any, stranger: User, owner_client: Client, session: Session
) -> None:
    reply = play(stranger, type="initialize", prompt="theirs", gen_length=12)
    theirs = Session.objects.get(pk=reply["session_id"])
    query = f"?a={session.head_branch_id}&b={theirs.head_branch_id}"
    assert owner_client.get(address(session, query)).status_code == 404
    assert "theirs" not in owner_client.get(address(session)).content.decode()
