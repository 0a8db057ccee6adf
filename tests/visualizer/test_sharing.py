"""Links to a session: who makes them, what they open, and that they change nothing."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from inference.errors import UnmaskError
from inference.models import StreamEvent, Vocabulary
from tests.visualizer.fakes import SIZE, FakeModel
from tests.visualizer.test_door import GOOD
from visualizer.commands import COMMANDS
from visualizer.commands.shared import read_shared as read
from visualizer.models import Branch, Command, Session, ShareLink
from visualizer.selectors import readers
from visualizer.selectors.readers import Holder, holder_of, session_read_by, still_open

pytestmark = pytest.mark.django_db
ZERO = "00000000-0000-0000-0000-000000000000"
PAGES = (
    "", "compare/", "lesson/", "export/json/", "export/csv/", "export/txt/",
    "step/0/digest/", "step/0/profile/", "step/0/regret/", "step/0/table/", "step/0/pos/5/",
)  # fmt: skip


@pytest.fixture
def token(play: Any, owner: User, session: Session) -> str:
    """A link's token; the session has one step and a forward pass."""
    play(owner, session, type="forward_pass")
    play(owner, session, type="apply_selection", selections={"4": 5})
    made: str = play(owner, session, type="share", name="for a friend")["token"]
    return made


@pytest.fixture
def friend_client(friend: User) -> Client:
    client = Client()
    client.force_login(friend)
    return client


def test_a_link_is_told_once_and_only_its_hash_is_kept(
    play: Any, owner: User, session: Session
) -> None:
    made = play(owner, session, type="share", name="x", hours=2, request_id="once")
    assert made["path"] == f"/r/{made['token']}/"
    assert len(made["token"]) >= 43
    kept = Command.objects.get(request_id="once").reply
    assert made["token"] not in kept
    again = play(owner, session, type="share", name="x", hours=2, request_id="once")
    assert (again["token"], again["path"], again["link"]) == (None, None, made["link"])
    row = ShareLink.objects.get()
    assert made["token"] not in "".join(str(value) for value in vars(row).values())
    assert row.expires is not None
    assert abs(row.expires - row.created - timedelta(hours=2)) < timedelta(seconds=5)


def test_links_are_listed_and_revoked_by_their_owner(
    play: Any, owner: User, stranger: User, session: Session, token: str
) -> None:
    listed = play(owner, session, type="list_links")["links"]
    assert [link["name"] for link in listed] == ["for a friend"]
    holder = holder_of(token)
    refused = play(owner, session, type="unshare", link=listed[0]["id"] + 1)
    assert refused["error_type"] == "not_found"
    assert still_open(holder)
    assert play(owner, session, type="unshare", link=listed[0]["id"])["links"] == []
    assert not still_open(holder)
    with pytest.raises(UnmaskError):
        holder_of(token)


def test_a_link_of_another_session_is_not_there_to_revoke(
    play: Any, stranger: User, session: Session, token: str
) -> None:
    reply = play(stranger, type="initialize", prompt="mine", gen_length=4)
    theirs = Session.objects.get(pk=reply["session_id"])
    link = ShareLink.objects.get()
    assert play(stranger, theirs, type="unshare", link=link.pk)["error_type"] == "not_found"
    assert still_open(holder_of(token))


@pytest.mark.parametrize(
    "change",
    [
        {"revoked": timezone.now()},
        {"expires": timezone.now() - timedelta(seconds=1)},
        {"hash": "0" * 64},
    ],
)
def test_closed_links_are_one_404_on_every_page(token: str, change: dict[str, Any]) -> None:
    ShareLink.objects.update(**change)
    for page in PAGES:
        assert Client().get(f"/r/{token}/{page}").status_code == 404, page
    assert b"This link opens nothing" in Client().get(f"/r/{token}/").content
    assert b"This link opens nothing" not in Client().get("/sessions/no-such/").content


def test_a_link_goes_with_its_session_and_its_owner(
    play: Any, owner: User, session: Session, token: str
) -> None:
    play(owner, session, type="delete_session")
    assert Client().get(f"/r/{token}/").status_code == 404
    play(owner, type="restore_session", session_id=str(session.pk))
    assert Client().get(f"/r/{token}/").status_code == 200
    User.objects.filter(pk=owner.pk).update(is_active=False)
    assert Client().get(f"/r/{token}/").status_code == 404


@pytest.mark.parametrize("page", PAGES)
def test_a_friend_reads_every_page_and_a_stranger_none(
    friend_client: Client, stranger_client: Client, session: Session, token: str, page: str
) -> None:
    for client in (friend_client, Client()):
        answer = client.get(f"/r/{token}/{page}", headers={"HX-Request": "true"})
        assert answer.status_code == 200, page
        assert answer["Referrer-Policy"] == "same-origin"
        assert answer["X-Robots-Tag"] == "noindex"
        assert answer["Cache-Control"] == "private, no-store"
    own = f"/sessions/{session.pk}/{page}"
    assert friend_client.get(own).status_code == 404  # a link is no key to the owner's door
    assert stranger_client.get(own).status_code == 404
    assert stranger_client.get(f"/r/{'x' * 43}/{page}").status_code == 404


def test_the_page_can_change_nothing(friend_client: Client, session: Session, token: str) -> None:
    body = friend_client.get(f"/r/{token}/?step=0&pos=5").content.decode()
    assert 'data-state="read-only"' in body
    assert '<meta name="robots" content="noindex">' in body
    posts = re.findall(r'<form[^>]*method="post"[^>]*action="([^"]*)"', body)
    assert set(posts) <= {f"/r/{token}/copy/", "/accounts/sign-out", "/accounts/theme"}, posts
    assert "/do/" not in body
    assert f"/sessions/{session.pk}/" not in body
    buttons = re.findall(r"<button[^>]*data-action=[^>]*>", body)
    assert [b for b in buttons if 'data-action="compare"' not in b] == []
    radios = re.findall(r'<input type="radio"[^>]*>', body)
    assert radios
    assert all("disabled" in radio for radio in radios)


def test_posting_to_the_owner_s_forms_is_no_way_in(
    friend_client: Client, session: Session, token: str
) -> None:
    before = StreamEvent.objects.count()
    for rest in ("do/forward_pass/", "rename/", "delete/", "share/", "compare/start/"):
        assert friend_client.post(f"/sessions/{session.pk}/{rest}").status_code == 404, rest
        assert friend_client.post(f"/r/{token}/{rest}").status_code == 404, rest
    for page in PAGES:
        assert friend_client.post(f"/r/{token}/{page}").status_code == 405, page
    assert StreamEvent.objects.count() == before


def test_looking_back_moves_nobody_s_head(
    friend_client: Client, session: Session, token: str
) -> None:
    before = (session.head_branch_id, session.head_number, StreamEvent.objects.count())
    assert b"step 0 / 1" in friend_client.get(f"/r/{token}/?step=0").content
    assert b"step 1 / 1" in friend_client.get(f"/r/{token}/").content
    session.refresh_from_db()
    assert before == (session.head_branch_id, session.head_number, StreamEvent.objects.count())


@pytest.mark.parametrize("type", sorted(COMMANDS))
def test_readers_may_only_read(session: Session, token: str, type: str) -> None:
    holder, branch = holder_of(token), session.head_branch_id
    before = StreamEvent.objects.count(), Command.objects.count(), Session.objects.count()
    sides = [{"session_id": str(session.pk), "branch": branch}] * 2
    fitting = {"diff": {"branches": [branch, branch]}, "compare_branches": {"sides": sides}}
    message = {"type": type, **GOOD.get(type, {}), **fitting.get(type, {})}
    if COMMANDS[type].reads:
        assert read(holder=holder, message=message)["type"] == COMMANDS[type].reply
    else:
        with pytest.raises(UnmaskError) as refused:
            read(holder=holder, message=message)
        assert refused.value.error_type == "auth"
    assert before == (
        StreamEvent.objects.count(), Command.objects.count(), Session.objects.count(),
    )  # fmt: skip


def test_only_these_commands_read() -> None:
    reading = {name for name, spec in COMMANDS.items() if spec.reads}
    assert reading == {"resume", "diff", "regrets", "compare_branches"}


def test_a_link_opens_one_session_alone(
    play: Any, owner: User, session: Session, token: str, start: Any
) -> None:
    other, holder = start(), holder_of(token)
    for type in ("resume", "regrets"):
        with pytest.raises(UnmaskError) as refused:
            read(holder=holder, message={"type": type, "session_id": str(other.pk)})
        assert refused.value.error_type == "not_found"
    sides = [{"session_id": str(s.pk), "branch": s.head_branch_id} for s in (session, other)]
    with pytest.raises(UnmaskError) as refused:
        read(holder=holder, message={"type": "compare_branches", "sides": sides})
    assert refused.value.error_type == "not_found"
    branch = other.head_branch_id
    assert Client().get(f"/r/{token}/?branch={branch}").status_code == 404
    assert Client().get(f"/r/{token}/compare/?a={branch}").status_code == 404
    assert Client().get(f"/r/{token}/step/0/digest/?branch={branch}").status_code == 404
    with pytest.raises(UnmaskError):
        session_read_by(holder, other.pk)
    seen = readers.branches_read_by(holder)
    assert set(seen) == set(Branch.objects.filter(session=session))


def test_a_holder_of_a_closed_link_reads_nothing(token: str) -> None:
    holder = holder_of(token)
    ShareLink.objects.update(revoked=timezone.now())
    assert list(readers.branches_read_by(holder)) == []
    with pytest.raises(UnmaskError):
        read(holder=holder, message={"type": "resume"})
    with pytest.raises(UnmaskError):
        session_read_by(Holder(0, holder.session))


def test_a_copy_is_one_s_own(
    play: Any,
    friend: User,
    friend_client: Client,
    session: Session,
    token: str,
    settings: Any,
) -> None:
    name = f"{FakeModel().tokenizer_hash}:{SIZE}"
    Vocabulary.objects.update(hash=hashlib.sha256(name.encode()).hexdigest())
    answer = friend_client.post(f"/r/{token}/copy/")
    mine = Session.objects.get(owner=friend)
    assert answer["Location"] == f"/sessions/{mine.pk}/"
    assert (mine.title, mine.head_number) == (session.title, session.head_number)
    play(friend, mine, type="rewind", step=0)
    session.refresh_from_db()
    assert session.head_number == 1
    settings.ALLOW_GUESTS = False
    nobody = Client().post(f"/r/{token}/copy/")
    assert nobody["Location"].startswith("/accounts/sign-in")
    assert b"Sign in to make a copy" in Client().get(f"/r/{token}/").content
    assert friend_client.post(f"/r/{'x' * 43}/copy/").status_code == 404


def test_the_owner_s_page_makes_lists_and_revokes(
    owner_client: Client, friend_client: Client, session: Session
) -> None:
    address = f"/sessions/{session.pk}/share/"
    assert address in owner_client.get(f"/sessions/{session.pk}/").content.decode()
    assert address in owner_client.get("/sessions/").content.decode()
    body = owner_client.post(address, {"name": " the  class ", "hours": "24"}).content.decode()
    found = re.search(r'value="http://testserver(/r/[\w-]+/)"', body)
    assert found
    assert friend_client.get(found.group(1)).status_code == 200
    body = owner_client.get(address).content.decode()
    assert found.group(1) not in body
    assert "the class" in body
    assert "just now" in body
    link = ShareLink.objects.get()
    assert friend_client.post(f"{address}{link.pk}/revoke/").status_code == 404
    assert friend_client.get(found.group(1)).status_code == 200
    owner_client.post(f"{address}{link.pk}/revoke/")
    assert friend_client.get(found.group(1)).status_code == 404
    for odd in ("soon", "0", "-1", "1e3", "99999999"):
        body = owner_client.post(address, {"hours": odd}).content.decode()
        assert 'role="alert"' in body, odd
    assert ShareLink.objects.count() == 1


def test_use_is_noted_once_a_minute(token: str) -> None:
    assert ShareLink.objects.get().last_used is None
    Client().get(f"/r/{token}/")
    first = ShareLink.objects.get().last_used
    assert first is not None
    Client().get(f"/r/{token}/")
    assert ShareLink.objects.get().last_used == first


def test_too_many_links_and_too_many_requests(
    play: Any, owner: User, session: Session, token: str, settings: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("core.links.MOST_LINKS", 1)
    assert play(owner, session, type="share")["error_type"] == "conflict"
    settings.SOCKET_RATE, settings.SOCKET_BURST = 0.001, 3
    codes = [Client().get(f"/r/{token}/").status_code for _ in range(5)]
    assert codes == [200, 200, 200, 429, 429]


def test_the_admin_revokes_and_shows_no_key(
    admin_client: Client, session: Session, token: str
) -> None:
    link = ShareLink.objects.get()
    page = admin_client.get(f"/admin/visualizer/sharelink/{link.pk}/change/").content.decode()
    assert link.hash not in page
    assert token not in page
    form = {"action": "revoke", "_selected_action": [link.pk]}
    admin_client.post("/admin/visualizer/sharelink/", form)
    link.refresh_from_db()
    assert link.revoked is not None


def test_tokens_are_not_logged(token: str, caplog: Any) -> None:
    from config.logs import hide_links

    for address in (f"/r/{token}x/", f"/ws/r/{token}/", f"?next=%2Fr%2F{token}%2F"):
        line = hide_links(None, "", json.dumps({"event": f"Not Found: {address}"}))
        assert token not in line
        assert "[redacted]" in line
    assert hide_links(None, "", "a/b/render") == "a/b/render"
