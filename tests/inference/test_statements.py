"""Statements whose text is made once: what they write, the ORM reads back value by value."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from inference.models import Stream, StreamEvent
from inference.statements import Insert, Select, Update, encoded

WRITE = Insert(StreamEvent, "stream", "number", "type", "payload", "created")
ONCE = Insert(StreamEvent, "stream", "number", "type", "payload", "created", once=True)
ADD = Update(Stream, {"last_number": "{last_number} + %s"}, ["id"], ["last_number"])
PAYLOADS: list[Any] = [
    {},
    {"n": 1},
    {"text": "100 % 'of' \"it\"; -- é 😀 \\ \n"},
    [None, True, 1.5],
]


@pytest.fixture
def stream(db: None) -> Stream:
    return Stream.objects.create()


def row(stream: Stream, number: int, payload: Any) -> tuple[Any, ...]:
    return stream.pk, number, "step", encoded(payload), timezone.now()


def test_rows_are_read_back_as_they_were_written(stream: Stream) -> None:
    rows = [row(stream, number, payload) for number, payload in enumerate(PAYLOADS, 1)]
    keys = WRITE(*rows)
    found = StreamEvent.objects.filter(stream=stream).order_by("number")
    assert [one.payload for one in found] == PAYLOADS
    assert [one.pk for one in found] == keys
    assert [one.created for one in found] == [made[-1] for made in rows]


def test_a_taken_key_is_refused_or_with_once_left_as_it_is(stream: Stream) -> None:
    WRITE(row(stream, 1, "first"))
    with pytest.raises(IntegrityError), transaction.atomic():
        WRITE(row(stream, 1, "second"))
    assert ONCE(row(stream, 1, "second")) == []
    assert len(ONCE(row(stream, 2, "other"))) == 1
    kept = StreamEvent.objects.filter(stream=stream).order_by("number")
    assert [one.payload for one in kept] == ["first", "other"]


def test_an_update_changes_the_named_row_alone_and_tells_what_stands_there(stream: Stream) -> None:
    other = Stream.objects.create()
    assert ADD([3], [stream.pk]) == [(3,)]
    assert ADD([2], [str(stream.pk)]) == [(5,)]
    other.refresh_from_db()
    assert other.last_number == 0


def test_of_a_row_that_is_gone_an_update_reads_nothing(stream: Stream) -> None:
    key = stream.pk
    stream.delete()
    assert ADD([1], [key]) == []


def test_a_selection_reads_what_is_there_now(stream: Stream) -> None:
    found = Select(StreamEvent.objects.filter(stream=stream).values_list("number", "type"))
    assert found() == []
    WRITE(row(stream, 1, {}), row(stream, 2, {}))
    assert found() == [(1, "step"), (2, "step")]
    StreamEvent.objects.filter(number=1).delete()
    assert found() == [(2, "step")]


def test_a_selection_s_text_is_made_once(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = StreamEvent.objects.filter(stream=stream, type="step").values_list("number")
    made: list[Any] = []
    text = type(rows.query).sql_with_params

    def counted(query: Any) -> Any:
        made.append(query)
        return text(query)

    monkeypatch.setattr(type(rows.query), "sql_with_params", counted)
    found = Select(rows)
    for _ in range(3):
        found()
    assert len(made) == 1
