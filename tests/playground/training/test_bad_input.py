"""What cannot be trained on or asked: refused with the field, and nothing half-made stays."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from docx import Document

from inference.errors import UnmaskError
from playground.training.models import Text, Training
from playground.training.services import documents
from playground.training.services.documents import text_of_file
from playground.training.services.texts import LEAST, MOST, create_text
from tests.playground.training.conftest import Tell
from tests.playground.training.working import TEXT, work_off

pytestmark = pytest.mark.django_db
ID = "00000000-0000-4000-8000-000000000000"
TRAIN: list[tuple[dict[str, Any], str | None]] = [
    ({}, "kind"),
    ({"kind": "nothing"}, "kind"),
    ({"kind": 7}, "kind"),
    ({"kind": "characters"}, "corpus"),
    ({"kind": "characters", "corpus": "no such"}, "corpus"),
    ({"kind": "characters", "corpus": "stories", "text_id": 1}, "text_id"),
    ({"kind": "characters", "text_id": 10**9}, "text_id"),
    ({"kind": "characters", "text_id": -1}, "text_id"),
    ({"kind": "characters", "text_id": "1"}, "text_id"),
    ({"kind": "characters", "corpus": "stories", "steps": 0}, "steps"),
    ({"kind": "characters", "corpus": "stories", "steps": 10**9}, "steps"),
    ({"kind": "characters", "corpus": "stories", "steps": 1.5}, "steps"),
    ({"kind": "characters", "corpus": "stories", "name": "x" * 101}, "name"),
    ({"kind": "characters", "corpus": "stories", "name": "a\0b"}, "name"),
    ({"kind": "characters", "corpus": "stories", "prompt": "x" * 201}, "prompt"),
    ({"kind": "characters", "corpus": "stories", "preset": "huge"}, "preset"),
    ({"kind": "characters", "corpus": "stories", "seed": -1}, "seed"),
    ({"kind": "characters", "corpus": "stories", "unknown": 1}, "unknown"),
    ({"kind": "characters", "corpus": "stories", "sizes": 3}, "sizes"),
    ({"kind": "characters", "corpus": "stories", "sizes": {"width": 8}}, "sizes.width"),
    ({"kind": "characters", "corpus": "stories", "sizes": {"width": 65}}, "width"),
    ({"kind": "characters", "corpus": "stories", "sizes": {"layers": 99}}, "sizes.layers"),
    ({"kind": "characters", "corpus": "stories", "sizes": {"context": 4}}, "sizes.context"),
    ({"kind": "characters", "corpus": "stories", "sizes": {"batch_size": 0}}, "sizes.batch_size"),
    (
        {"kind": "characters", "corpus": "stories", "sizes": {"learning_rate": float("nan")}},
        "sizes.learning_rate",
    ),
    ({"kind": "characters", "corpus": "stories", "sizes": {"momentum": 1}}, "sizes.momentum"),
]
OTHERS: list[tuple[dict[str, Any], str]] = [
    ({"type": "pause"}, "training_id"),
    ({"type": "pause", "training_id": "x"}, "training_id"),
    ({"type": "extend", "training_id": ID}, "steps"),
    ({"type": "extend", "training_id": ID, "steps": 9}, "steps"),
    ({"type": "rename", "training_id": ID, "name": ""}, "name"),
    ({"type": "rename", "training_id": ID, "name": "a\0"}, "name"),
    ({"type": "share", "training_id": ID, "hours": 0}, "hours"),
    ({"type": "unshare", "training_id": ID, "link": 0}, "link"),
    ({"type": "ask"}, "training_id"),
    ({"type": "ask", "training_id": ID, "length": 0}, "length"),
    ({"type": "ask", "training_id": ID, "length": 129}, "length"),
    ({"type": "ask", "training_id": ID, "prompt": "x" * 201}, "prompt"),
    ({"type": "ask", "training_id": ID, "prompt": "\0"}, "prompt"),
    ({"type": "ask", "training_id": ID, "temperature": -1.0}, "temperature"),
    ({"type": "ask", "training_id": ID, "temperature": float("inf")}, "temperature"),
    ({"type": "no such"}, "type"),
]


@pytest.mark.parametrize(("message", "field"), TRAIN)
def test_orders_that_are_refused(
    tell: Tell, owner: User, message: dict[str, Any], field: str | None
) -> None:
    told = refusal(lambda: tell(owner, type="train", **message))
    assert told["field"] == field or (field == "text_id" and told["field"] == "corpus")
    assert not Training.objects.exists()


@pytest.mark.parametrize(("message", "field"), OTHERS)
def test_messages_that_are_refused(
    tell: Tell, owner: User, message: dict[str, Any], field: str
) -> None:
    assert refusal(lambda: tell(owner, **message))["field"] == field


def refusal(act: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The error, whether the message or the command was refused."""
    try:
        reply = act()
    except UnmaskError as error:
        return {"field": error.field, "message": error.message, "error_type": error.error_type}
    assert reply["type"] == "error", reply
    return {"field": None, **reply}


TEXTS: list[tuple[str, str]] = [
    ("", "empty"),
    (" \n\t " * 200, "empty"),
    ("a" * (LEAST - 1), "fewer than"),
    ("a" * 1000, "one character"),
    ("a \n" * 1000, "one character"),
    ("ab" * (MOST // 2 + 1), "longer than"),
    (TEXT + "\0", "NUL"),
    (TEXT + "\ud800", "halves of characters"),
    ("".join(map(chr, range(1, 32))) * 40, "control characters"),
]


@pytest.mark.parametrize(("text", "words"), TEXTS)
def test_texts_that_are_refused(owner: User, text: str, words: str) -> None:
    with pytest.raises(UnmaskError, match=words) as caught:
        create_text(owner=owner, name="bad", text=text)
    assert caught.value.field == "text"
    assert not Text.objects.exists()


def archive(parts: dict[str, bytes], **options: Any) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, **options) as file:
        for name, data in parts.items():
            file.writestr(name, data)
    return made.getvalue()


def word_file(*lines: str) -> bytes:
    document = Document()
    for line in lines:
        document.add_paragraph(line)
    table = document.add_table(1, 2)
    table.rows[0].cells[0].text, table.rows[0].cells[1].text = "left", "right"
    made = io.BytesIO()
    document.save(made)
    return made.getvalue()


def doctype(data: bytes) -> bytes:
    """A Word file whose main part defines entities upon entities."""
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(made, "w") as new:
        for part in old.infolist():
            body = old.read(part)
            if part.filename == "word/document.xml":
                body = body.replace(b"?>", b"?>" + bomb, 1)
            new.writestr(part.filename, body)
    return made.getvalue()


FILES: list[tuple[str, Callable[[], bytes], str]] = [
    ("cats.pdf", lambda: TEXT.encode(), "Files end with"),
    ("cats", lambda: TEXT.encode(), "Files end with"),
    ("cats.txt", lambda: bytes(range(256)) * 8, "not text in UTF-8"),
    ("cats.txt", lambda: TEXT.encode("utf-16"), "not text in UTF-8"),
    ("cats.txt", lambda: b"a" * (documents.FILE_BYTES + 1), "larger than 8 MB"),
    ("cats.md", lambda: b"\xff\xfe", "not text in UTF-8"),
    ("cats.docx", lambda: b"", "damaged archive"),
    ("cats.docx", lambda: TEXT.encode(), "damaged archive"),
    ("cats.docx", lambda: word_file(TEXT)[:-40], "damaged archive"),
    ("cats.docx", lambda: archive({"word/document.xml": b"<a/>"}), "no Word document"),
    ("cats.docx", lambda: archive({"a.xml": b" " * 30 * 2**20}), "packed more tightly|larger than"),
    ("cats.docx", lambda: archive({"a.xml": b"<a>" + b"a" * 2 * 2**20}), "packed more tightly"),
    ("cats.docx", lambda: archive({f"{n}.xml": b"<a/>" for n in range(1001)}), "1000 parts"),
    ("cats.docx", lambda: archive({f"{n}.bin": b"0" * 2**20 for n in range(40)}), "larger than 32"),
    ("cats.docx", lambda: doctype(word_file(TEXT)), "defines entities"),
    ("cats.docx", lambda: archive({"a.xml": "<!ENTITY".encode("utf-16")}), "no XML in UTF-8"),
]


@pytest.mark.parametrize(("name", "data", "words"), FILES)
def test_files_that_are_refused(
    owner_client: Client, name: str, data: Callable[[], bytes], words: str
) -> None:
    with pytest.raises(UnmaskError, match=words) as caught:
        text_of_file(name, data())
    assert caught.value.field == "file"


def test_a_refused_file_leaves_nothing(owner_client: Client) -> None:
    bomb = SimpleUploadedFile("bomb.docx", doctype(word_file(TEXT)))
    headers = {"Accept": "application/json"}
    answer = owner_client.post("/training/texts/", {"file": bomb}, headers=headers)
    assert (answer.status_code, answer.json()["field"]) == (400, "file")
    assert not Text.objects.exists()


def test_files_that_are_read(owner_client: Client) -> None:
    assert text_of_file("a.TXT", b"\xef\xbb\xbfcats") == "cats"
    assert text_of_file("a.md", b"# Cats\n\n*A* cat\nsat.\n\n```\nx = 1\n```\n") == (
        "Cats\nA cat\nsat.\nx = 1"
    )
    assert text_of_file("a.docx", word_file("one", "two")) == "one\ntwo\nleft\tright"
    upload = SimpleUploadedFile("cats.docx", word_file(TEXT))
    assert owner_client.post("/training/texts/", {"file": upload}).status_code == 302
    assert Text.objects.get().text.startswith("A cat sat")


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("TRAINING_MODELS", 0, "at most 0 trainings"),
        ("TRAINING_BYTES", 1000, "may take"),
        ("TRAINING_SECONDS", 0, "used up"),
    ],
)
def test_quotas(
    begin: Callable[..., Training], settings: Any, setting: str, value: int, words: str
) -> None:
    setattr(settings, setting, value)
    with pytest.raises(AssertionError, match=words):
        begin()
    assert not Training.objects.exists()


def test_two_go_on_at_a_time(begin: Callable[..., Training]) -> None:
    begin()
    begin()
    with pytest.raises(AssertionError, match="go on already"):
        begin()


def test_texts_have_a_quota(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("playground.training.selectors.quotas.TEXTS_BYTES", 3000)
    create_text(owner=owner, name="one", text=TEXT)
    with pytest.raises(UnmaskError, match="more than"):
        create_text(owner=owner, name="two", text=TEXT)
    assert Text.objects.count() == 1


def test_what_does_not_suit_its_state_is_refused(
    begin: Callable[..., Training], tell: Tell, owner: User, text: Text
) -> None:
    training = begin()
    named = {"training_id": str(training.pk)}
    assert refusal(lambda: tell(owner, type="resume", **named))["error_type"] == "conflict"
    assert refusal(lambda: tell(owner, type="delete", **named))["error_type"] == "conflict"
    work_off()
    assert refusal(lambda: tell(owner, type="pause", **named))["error_type"] == "conflict"
    assert refusal(lambda: tell(owner, type="stop", **named))["error_type"] == "conflict"
    wanted = refusal(lambda: tell(owner, type="extend", steps=20_000, **named))
    assert (wanted["error_type"], wanted["field"]) == ("validation", "steps")
    text.delete()
    assert (
        "was deleted" in refusal(lambda: tell(owner, type="extend", steps=10, **named))["message"]
    )
