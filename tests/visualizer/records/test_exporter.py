"""Downloads: the JSON record and the CSV of steps."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from inference.labels import pack
from inference.models import ModelEntry, Vocabulary
from tests.visualizer.fakes import ALPHABET, MASK, SIZE, FakeRuntime
from visualizer.models import Session
from visualizer.records import exporter, tables
from visualizer.records.exporter import FORMATS
from visualizer.records.schema import VERSION
from visualizer.records.tables import MARK, neutral

pytestmark = pytest.mark.django_db


@pytest.fixture
def lived(play: Any, owner: User, session: Session) -> Session:
    play(owner, session, type="forward_pass", top_p=0.9)
    equals = ALPHABET.index("=")
    play(owner, session, type="apply_selection", selections={"4": equals, "5": 6})
    play(owner, session, type="rewind", step=0)
    play(owner, session, type="apply_selection", selections={"6": 7})
    return session


def written(session: Session, form: str) -> str:
    return "".join(FORMATS[form].write(session))


def rows_of(text: str) -> list[list[str]]:
    """A CSV as a spreadsheet reads it: the mark in front is no part of the first cell."""
    assert text.startswith(MARK)
    return list(csv.reader(io.StringIO(text.removeprefix(MARK))))


def test_the_record_holds_what_reproducing_needs(lived: Session) -> None:
    record = json.loads(written(lived, "json"))
    assert (record["format"], record["version"]) == ("unmask.session", VERSION)
    assert record["session"]["prompt"] == "once"
    assert record["session"]["seed"] == 3
    assert record["session"]["settings"]["top_p"] == 0.9
    assert record["model"]["weights_hash"] == "a" * 64
    assert record["model"]["tokenizer_hash"] == "f" * 64
    assert {"python", "torch", "transformers"} <= record["model"]["versions"].keys()
    first, second = record["branches"]
    assert (second["parent"], second["fork_number"]) == (first["id"], 0)
    assert [step["number"] for step in first["steps"]] == [1]
    operation = first["steps"][0]["operations"][0]
    assert {"op", "slot", "token", "p", "by"} <= operation.keys()
    assert 0 < operation["p"] < 1
    assert first["forwards"][0]["number"] == 0


def test_an_empty_session_is_a_record_too(session: Session) -> None:
    record = json.loads(written(session, "json"))
    assert record["branches"][0]["steps"] == []
    assert len(rows_of(written(session, "csv"))) == 1


def test_the_steps_as_csv(lived: Session) -> None:
    names, *lines = rows_of(written(lived, "csv"))
    rows = [dict(zip(names, line, strict=True)) for line in lines]
    assert names[0] == "branch"
    assert [(row["step"], row["position"], row["token_id"]) for row in rows] == [
        ("1", "4", str(ALPHABET.index("="))), ("1", "5", "6"), ("1", "6", "7"),
    ]  # fmt: skip
    assert rows[0]["token"] == "'="


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "\n", "＝1"])
def test_cells_are_no_formulas(text: str) -> None:
    assert neutral(text) == "'" + text
    assert neutral("a" + text) == "a" + text


PIECES = [" \udcc3", "\udca9", "\udcf0\udc9f", "\udc98", "\udc80!", "<0xA9>", "a"]
"""Raw pieces of the ids 1 to 7: é and an emoji in parts, and six letters that are no byte."""


@pytest.fixture
def by_bytes(session: Session) -> Session:
    """The session with a vocabulary of parts of characters."""
    pieces = ["\0", *PIECES, *ALPHABET[8:], "<|mask|>"]
    pieces += [f"[{n}]" for n in range(len(pieces), SIZE)]
    made = Vocabulary.objects.create(hash="b" * 64, size=SIZE, pieces=pack(pieces, [MASK]))
    ModelEntry.objects.filter(pk=session.model_id).update(vocabulary=made)
    return Session.objects.get(pk=session.pk)


def test_characters_of_several_tokens_are_whole_in_every_download(
    play: Any, owner: User, by_bytes: Session
) -> None:
    ids = {str(4 + n): n + 1 for n in range(7)}
    reply = play(owner, by_bytes, type="apply_selection", selections=ids)
    state = reply["state"]
    written_text = " é😀!<0xA9>a"
    begin = state["text"].index(written_text)
    spans = [[start - begin, end - begin] for start, end in state["text_spans"][4:11]]
    assert spans == [[0, 2], [1, 2], [2, 3], [2, 3], [2, 4], [4, 10], [10, 11]]
    session = Session.objects.get(pk=by_bytes.pk)
    assert json.loads(written(session, "json"))["session"]["text"] == state["text"]
    assert written(session, "txt") == state["text"]
    names, *lines = rows_of(written(session, "csv"))
    rows = [dict(zip(names, line, strict=True)) for line in lines]
    assert [row["text"] for row in rows] == [" é", "é", "😀", "😀", "😀!", "<0xA9>", "a"]
    assert [row["token"] for row in rows][:2] == [" <0xC3>", "<0xA9>"]


def test_numbers_stay_numbers() -> None:
    assert neutral(-1) == -1


def test_the_runtime_is_not_asked(lived: Session, runtime: FakeRuntime) -> None:
    before = runtime.forwards
    written(lived, "json")
    assert runtime.forwards == before


@pytest.mark.parametrize(
    ("form", "module", "part"), [("json", exporter, "_step"), ("csv", tables, "_row")]
)
def test_a_failure_halfway_is_no_file(
    lived: Session,
    owner_client: Client,
    monkeypatch: pytest.MonkeyPatch,
    form: str,
    module: Any,
    part: str,
) -> None:
    real, calls = getattr(module, part), []

    def failing(*given: Any) -> Any:
        calls.append(given)
        if len(calls) > 1:
            raise RuntimeError("the database went away")
        return real(*given)

    owner_client.raise_request_exception = False
    assert owner_client.get(f"/sessions/{lived.pk}/export/{form}/").status_code == 200
    monkeypatch.setattr(module, part, failing)
    calls.clear()
    response = owner_client.get(f"/sessions/{lived.pk}/export/{form}/")
    assert response.status_code == 500
    assert "attachment" not in response.headers.get("Content-Disposition", "")
