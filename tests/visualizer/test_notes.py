"""Notes on steps: written by the owner, told to everybody who may look, part of every record."""

from __future__ import annotations

import copy
import csv
import io
import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from core.commands.submit import submit
from inference.errors import UnmaskError
from inference.events import events_after
from inference.labels import vocabulary_hash
from inference.models import ModelEntry, Vocabulary
from tests.visualizer import reducer
from tests.visualizer.conftest import Play
from tests.visualizer.fakes import SIZE
from visualizer import selectors
from visualizer.commands import COMMANDS
from visualizer.models import Note, Session
from visualizer.records.exporter import record
from visualizer.records.importer import copy_session, import_record
from visualizer.records.tables import steps_csv
from visualizer.services import notes as service
from visualizer.services.sharing import share

pytestmark = pytest.mark.django_db
MARKUP = "<img src=x onerror=alert(1)>"


@pytest.fixture
def known(stepped: Session) -> Session:
    """The same, with a model that counts as the one that records name."""
    Vocabulary.objects.update(hash=vocabulary_hash("f" * 64, SIZE))
    return Session.objects.select_related("model__vocabulary", "head_branch").get(pk=stepped.pk)


def exported(session: Session) -> dict[str, Any]:
    told: dict[str, Any] = json.loads("".join(record(session)))
    return told


@pytest.fixture
def stepped(session: Session, play: Play, owner: User) -> Session:
    """Two steps on the first branch, and a third on a second one that forks after the first."""
    for pos in ("4", "5"):
        play(owner, session, type="apply_selection", selections={pos: 1})
    play(owner, session, type="rewind", step=1)
    play(owner, session, type="apply_selection", selections={"6": 2})
    return session


def test_a_note_is_written_changed_and_taken_away(
    session: Session, play: Play, owner: User
) -> None:
    reply = play(owner, session, type="note", text="  Look here. ")
    branch = session.head_branch_id
    assert reply["note"] == {"branch": branch, "number": 0, "text": "Look here."}
    play(owner, session, type="note", text="Or here.")
    assert list(Note.objects.values_list("number", "text")) == [(0, "Or here.")]
    assert play(owner, session, type="note", text=" \n ")["note"]["text"] == ""
    assert not Note.objects.exists()


def test_a_note_stays_with_the_branch_where_its_step_lies(
    stepped: Session, play: Play, owner: User
) -> None:
    second = stepped.head_branch_id
    play(owner, stepped, type="note", text="common", branch=second, step=1)
    play(owner, stepped, type="note", text="own", branch=second, step=2)
    first = stepped.branches.get(parent=None)
    assert dict(Note.objects.values_list("text", "branch")) == {"common": first.pk, "own": second}


def test_snapshot_and_events_agree(stepped: Session, play: Play, owner: User) -> None:
    before = selectors.snapshot(stepped)
    state = reducer.opened(before)
    for step, text in ((0, "a"), (1, "b"), (2, "c"), (1, "d"), (0, "")):
        play(owner, stepped, type="note", text=text, step=step)
    for event in events_after(stepped.stream_id, before["number"]):
        state = reducer.reduce(state, event.number, event.type, event.payload)
    assert state["notes"] == selectors.snapshot(stepped)["notes"]
    assert [row["text"] for row in state["notes"]] == ["d", "c"]


def _refused(play: Play, owner: User, session: Session, **message: Any) -> Any:
    """The field that is blamed, at the door or by the command."""
    try:
        return play(owner, session, **message).get("field")
    except UnmaskError as error:
        return error.field


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"text": "x" * 1001}, "text"),
        ({"text": 5}, "text"),
        ({"text": "x", "step": 9}, "step"),
        ({"text": "x", "step": -1}, "step"),
        ({"text": "x", "branch": 999_999}, "branch"),
        ({"text": "x", "branch": "1"}, "branch"),
    ],
)
def test_bad_notes_are_refused(
    session: Session, play: Play, owner: User, fields: dict[str, Any], field: str
) -> None:
    assert _refused(play, owner, session, type="note", **fields) == field
    assert not Note.objects.exists()


def test_there_is_an_end_to_notes(
    stepped: Session, play: Play, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MOST_NOTES", 1)
    play(owner, stepped, type="note", text="one", step=0)
    assert play(owner, stepped, type="note", text="two", step=1)["field"] == "text"
    assert play(owner, stepped, type="note", text="instead", step=0)["note"]["text"] == "instead"


def test_a_stranger_writes_none(session: Session, stranger: User) -> None:
    message = {"type": "note", "text": "mine", "session_id": str(session.pk)}
    with pytest.raises(UnmaskError) as refused:
        submit(COMMANDS, user=stranger, channel="api", message=message, target=None)
    assert refused.value.error_type == "not_found"


def test_records_carry_notes_under_their_chain(
    known: Session, play: Play, owner: User, stranger: User
) -> None:
    assert all("notes" not in branch for branch in exported(known)["branches"])
    play(owner, known, type="note", text="=1+1", step=0)
    play(owner, known, type="note", text="end", step=2)
    told = exported(known)
    again = import_record(owner=owner, raw=told)
    fresh = exported(again)
    assert [b.get("notes") for b in fresh["branches"]] == [b.get("notes") for b in told["branches"]]
    assert (
        Note.objects.filter(branch__session=copy_session(session=known, owner=stranger)).count()
        == 2
    )
    changed = copy.deepcopy(told)
    changed["branches"][0]["notes"][0]["text"] = "another"
    with pytest.raises(UnmaskError, match="damaged"):
        import_record(owner=owner, raw=changed)
    rows = list(csv.DictReader(io.StringIO("".join(steps_csv(known)).lstrip("\ufeff"))))
    noted = [(row["step"], row["text"]) for row in rows if row["op"] == "note"]
    assert noted == [("0", "'=1+1"), ("2", "end")]


@pytest.mark.parametrize(
    "notes",
    [
        [{"number": 9, "text": "beyond"}],
        [{"number": 0, "text": "a"}, {"number": 0, "text": "b"}],
        [{"number": 0, "text": ""}],
        [{"number": 0, "text": "x" * 1001}],
        [{"number": 0}],
        [{"number": 0, "text": "x", "by": "me"}],
        "x",
    ],
)
def test_records_with_bad_notes_are_refused(known: Session, owner: User, notes: Any) -> None:
    told = exported(known)
    told["version"] = 1  # without hashes, so that nothing but the notes is wrong
    del told["chain"]
    for branch in told["branches"]:
        for step in branch["steps"]:
            del step["hash"]
    told["branches"][0]["notes"] = notes
    with pytest.raises(UnmaskError) as refused:
        import_record(owner=owner, raw=told)
    assert "notes" in str(refused.value.field)


def test_pages_show_notes_as_text_to_owner_and_friend_and_not_to_a_stranger(
    stepped: Session, play: Play, owner: User, owner_client: Client, stranger_client: Client,
    client: Client,
) -> None:  # fmt: skip
    play(owner, stepped, type="note", text=MARKUP, step=1)
    play(owner, stepped, type="note", text="The end.", step=2)
    _, token = share(session=stepped)
    own, friends = f"/sessions/{stepped.pk}/", f"/r/{token}/"
    for reader, base in ((owner_client, own), (client, friends)):
        page = reader.get(f"{base}?branch={stepped.head_branch_id}&step=1").content.decode()
        assert MARKUP not in page
        assert "&lt;img src=x" in page
        assert ('id="note-form"' in page) == (base == own)
        first = reader.get(f"{base}lesson/").content.decode()
        assert "<h1>Step 1</h1>" in first
        assert MARKUP not in first
        second = reader.get(f"{base}lesson/?at=2").content.decode()
        assert "The end." in second
        assert "That was the last note." in second
    assert stranger_client.get(f"{own}lesson/").status_code == 404


def test_a_session_without_notes_says_how_to_make_a_lesson(
    session: Session, owner_client: Client
) -> None:
    page = owner_client.get(f"/sessions/{session.pk}/lesson/").content.decode()
    assert "No step of this line has a note yet." in page


def test_the_form_writes_and_stays_at_its_step(
    stepped: Session, owner_client: Client, stranger_client: Client, entry: ModelEntry
) -> None:
    branch, address = stepped.head_branch_id, f"/sessions/{stepped.pk}/do/note/"
    form = {"text": "by form", "step": "1", "branch": str(branch)}
    assert stranger_client.post(address, form).status_code == 404
    answer = owner_client.post(address, form)
    assert answer["Location"].endswith(f"?branch={branch}&step=1")
    assert Note.objects.get().text == "by form"
    stepped.refresh_from_db()
    assert stepped.head_number == 2
    owner_client.post(address, {**form, "do": "remove"})
    assert not Note.objects.exists()
