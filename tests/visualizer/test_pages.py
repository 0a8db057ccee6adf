"""The pages as a browser without JavaScript gets them: owner, friend, stranger; escaping; lists."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from inference.models import StreamEvent
from visualizer.models import Command, Session
from visualizer.views.form_commands import FORMS

pytestmark = pytest.mark.django_db
HOSTILE = "<img src=x onerror=alert(1)>"
READ = [
    "",
    "snapshot/",
    "step/0/profile/",
    "step/0/table/",
    "step/0/pos/5/",
    "export/json/",
    "export/csv/",
    "export/txt/",
]
WRITE = ["rename/", "delete/", *(f"do/{name}/" for name in FORMS)]


def address(session: Session, rest: str = "") -> str:
    return f"/sessions/{session.pk}/{rest}"


@pytest.fixture
def friend_client(friend: User) -> Client:
    client = Client()
    client.force_login(friend)
    return client


@pytest.fixture
def looked_at(play: Any, owner: User, session: Session) -> Session:
    """The session after a forward pass, with one automatic pick staged."""
    play(owner, session, type="forward_pass")
    play(owner, session, type="auto_select")
    return session


@pytest.mark.parametrize("rest", READ)
def test_the_owner_reads_and_nobody_else_does(
    owner_client: Client, friend_client: Client, stranger_client: Client, looked_at: Session,
    rest: str,
) -> None:  # fmt: skip
    own = owner_client.get(address(looked_at, rest), headers={"HX-Request": "true"})
    assert own.status_code == 200
    for client in (friend_client, stranger_client):
        assert client.get(address(looked_at, rest)).status_code == 404


@pytest.mark.parametrize("rest", WRITE)
def test_others_cannot_write(
    friend_client: Client, stranger_client: Client, session: Session, rest: str
) -> None:
    before = StreamEvent.objects.count(), Command.objects.count()
    for client in (friend_client, stranger_client):
        assert client.post(address(session, rest), {"title": "mine"}).status_code == 404
    session.refresh_from_db()
    assert (StreamEvent.objects.count(), Command.objects.count()) == before
    assert session.deleted is None


@pytest.mark.parametrize("rest", WRITE)
def test_writing_needs_a_post(owner_client: Client, session: Session, rest: str) -> None:
    assert owner_client.get(address(session, rest)).status_code == 405


def test_visitors_without_an_account_are_sent_to_sign_in(
    session: Session, settings: Any, client: Client
) -> None:
    settings.ALLOW_GUESTS = False
    for path in ("/", "/sessions/", address(session)):
        response = client.get(path)
        assert (response.status_code, response["Location"][:17]) == (302, "/accounts/sign-in")


def test_a_first_visit_makes_a_guest(settings: Any, client: Client, db: None) -> None:
    settings.ALLOW_GUESTS = True
    assert client.get("/").status_code == 200
    assert User.objects.get().profile.is_guest


def test_hostile_text_is_escaped_wherever_it_stands(
    owner_client: Client, start: Callable[..., Session]
) -> None:
    session = start(prompt=f"{HOSTILE} once", title=f"{HOSTILE} title")
    for path in ("/", "/sessions/", address(session), address(session) + "?view=table"):
        body = owner_client.get(path).content.decode()
        assert HOSTILE not in body, path
        assert "&lt;img src=x" in body, path


def test_a_hostile_vocabulary_is_escaped(
    owner_client: Client, looked_at: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("visualizer.selectors.labels.Labels.__call__", lambda self, token: HOSTILE)
    for rest in ("", "?view=text&pos=5", "?view=table", "step/0/pos/5/"):
        response = owner_client.get(address(looked_at, rest), headers={"HX-Request": "true"})
        body = response.content.decode()
        assert HOSTILE not in body, rest
        assert "onerror" in body, rest


def test_the_page_is_free_of_inline_scripts_and_styles(
    owner_client: Client, looked_at: Session
) -> None:
    body = owner_client.get(address(looked_at) + "?pos=5").content.decode().lower()
    assert " onclick" not in body
    assert " style=" not in body
    assert "<style" not in body
    scripts = body.count("<script")
    assert scripts == body.count("<script src=") + body.count('<script type="module" src=') + (
        body.count('type="application/json"')
    )


def test_buttons_say_why_they_cannot_act(owner_client: Client, session: Session) -> None:
    body = owner_client.get(address(session)).content.decode()
    assert "Run a forward pass first." in body
    assert "Nothing is running." in body


def test_excluded_candidates_stay_visible_with_their_reason(
    owner_client: Client, play: Any, owner: User, session: Session
) -> None:
    play(owner, session, type="forward_pass", visual_top_k=12, actual_top_k=3)
    panel = owner_client.get(address(session, "step/0/pos/6/"), headers={"HX-Request": "true"})
    body = panel.content.decode()
    assert "12 candidates, 3 selectable (top-k 3)" in body
    assert body.count("disabled") == 9
    assert "Not selectable: outside top-k 3" in body


def test_a_plain_visit_to_a_position_lands_on_the_page(
    owner_client: Client, looked_at: Session
) -> None:
    response = owner_client.get(address(looked_at, "step/0/pos/6/"))
    assert response.status_code == 302
    assert response["Location"].endswith("step=0&pos=6")


def test_a_written_token_shows_what_was_considered_before_it(
    owner_client: Client, play: Any, owner: User, looked_at: Session
) -> None:
    picks = {pos: pick["token"] for pos, pick in looked_at.staged["selections"].items()}
    play(owner, looked_at, type="apply_selection", selections=picks)
    (pos,) = picks
    panel = owner_client.get(
        address(looked_at, f"step/1/pos/{pos}/"), headers={"HX-Request": "true"}
    )
    assert "What the model considered before step 1" in panel.content.decode()


@pytest.mark.parametrize("query", ["?branch=x", "?branch=999999999", "?branch=-1"])
def test_unknown_branches_do_not_exist(owner_client: Client, session: Session, query: str) -> None:
    assert owner_client.get(address(session) + query).status_code == 404


@pytest.mark.parametrize("query", ["?step=99999", "?step=x", "?pos=99999", "?pos=-1", "?view=%00"])
def test_odd_places_show_the_nearest_thing(
    owner_client: Client, session: Session, query: str
) -> None:
    assert owner_client.get(address(session) + query).status_code == 200


def test_search_finds_titles_and_prompts(
    owner_client: Client, start: Callable[..., Session]
) -> None:
    start(prompt="a red kite", title="first")
    start(prompt="a hungry duck", title="second")
    found = owner_client.get("/sessions/?q=kite", headers={"HX-Request": "true"}).content.decode()
    assert "first" in found
    assert "second" not in found
    assert "<html" not in found
    assert "No session matches" in owner_client.get("/sessions/?q=zebra").content.decode()


def test_rename_delete_and_undo(owner_client: Client, session: Session) -> None:
    owner_client.post(address(session, "rename/"), {"title": "  A new\n title "})
    session.refresh_from_db()
    assert session.title == "A new title"
    listed = owner_client.post(address(session, "delete/"), follow=True).content.decode()
    assert "The session was deleted." in listed
    assert "A new title" not in listed
    assert owner_client.get(address(session)).status_code == 404
    owner_client.post(address(session, "restore/"))
    assert "A new title" in owner_client.get("/sessions/").content.decode()


def test_an_undo_button_for_somebody_else_s_session_does_nothing(
    owner_client: Client, stranger_client: Client, session: Session
) -> None:
    owner_client.post(address(session, "delete/"))
    assert stranger_client.post(address(session, "restore/")).status_code == 404
    session.refresh_from_db()
    assert session.deleted is not None


def test_the_list_is_paged(owner_client: Client, start: Callable[..., Session]) -> None:
    for number in range(27):
        start(title=f"number {number}", gen_length=1)
    first = owner_client.get("/sessions/").content.decode()
    assert first.count('class="session-row"') == 25
    assert owner_client.get("/sessions/?page=2").content.decode().count("session-row") == 2
    assert owner_client.get("/sessions/?page=zzz").status_code == 200


def test_the_snapshot_is_fetched_and_texts_are_compressed(
    owner_client: Client, play: Any, owner: User, session: Session
) -> None:
    play(owner, session, type="apply_selection", selections={"4": 9})
    play(owner, session, type="rewind", step=0)
    page = owner_client.get(address(session), headers={"Accept-Encoding": "gzip"})
    assert page["Content-Encoding"] == "gzip"
    body = gzip.decompress(page.content).decode()
    assert '"commits"' not in body
    assert f'data-snapshot="{address(session, "snapshot/")}?' in body
    told = owner_client.get(address(session, "snapshot/"), {"step": 1}).json()
    assert told["head"] == {"branch": session.head_branch_id, "number": 0}
    assert told["snapshot"]["head"] == {"branch": session.head_branch_id, "number": 1}
    assert [row["number"] for row in told["snapshot"]["steps"]] == [1]
