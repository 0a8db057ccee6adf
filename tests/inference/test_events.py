"""Events: gapless numbers, bells only after the commit, labels of tokens."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection, transaction

from inference import bells, events
from inference.labels import label, labels, pack
from inference.models import Stream, StreamEvent, Vocabulary


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """The bells, in order."""
    heard: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(events, "send_all", heard.extend)
    return heard


def numbers(rung: list[Any]) -> list[list[int]]:
    """The numbers of the events of each bell."""
    return [[event["number"] for event in message["events"]] for _, message in rung]


@pytest.mark.django_db(transaction=True)
def test_the_bell_rings_after_the_commit_with_the_number(rung: list[Any]) -> None:
    stream = Stream.objects.create()
    with transaction.atomic():
        events.publish(stream.pk, "step", {"n": 1})
        events.publish(stream.pk, "step", {"n": 2})
        assert rung == []
    assert numbers(rung) == [[1], [2]]
    assert {group for group, _ in rung} == {f"stream.{stream.pk}"}


@pytest.mark.django_db(transaction=True)
def test_a_rolled_back_event_leaves_no_gap_and_no_bell(rung: list[Any]) -> None:
    stream = Stream.objects.create()
    with pytest.raises(ZeroDivisionError), transaction.atomic():  # noqa: PT012
        events.publish(stream.pk, "step", {})
        raise ZeroDivisionError
    with transaction.atomic():
        events.publish(stream.pk, "step", {})
    assert numbers(rung) == [[1]]


@pytest.mark.django_db(transaction=True)
def test_a_bell_that_breaks_does_not_undo_what_was_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(bells: Any) -> None:
        raise OSError

    monkeypatch.setattr(events, "send_all", broken)
    stream = Stream.objects.create()
    with transaction.atomic():
        events.publish(stream.pk, "step", {})
    assert StreamEvent.objects.filter(stream=stream).count() == 1


@pytest.mark.django_db(transaction=True)
def test_gathered_events_are_numbered_in_order_and_by_stream(rung: list[Any]) -> None:
    one, other = Stream.objects.create(), Stream.objects.create()
    with transaction.atomic():
        events.publish(one.pk, "step", {"n": 1})
        with events.gathered():
            for n, stream in enumerate([one, other, one], 2):
                events.publish(stream.pk, "step", {"n": n})
            assert StreamEvent.objects.count() == 1
    assert [len(bell) for bell in numbers(rung)] == [1, 2, 1]  # one for each stream
    heard = [event for _, message in rung for event in message["events"]]
    told = [(event["stream"], event["number"], event["payload"]["n"]) for event in heard]
    first, second = str(one.pk), str(other.pk)
    assert told == [(first, 1, 1), (first, 2, 2), (first, 3, 4), (second, 1, 3)]
    assert Stream.objects.get(pk=one.pk).last_number == 3


@pytest.mark.django_db(transaction=True)
def test_events_gathered_in_vain_leave_nothing(rung: list[Any]) -> None:
    stream = Stream.objects.create()
    with pytest.raises(ZeroDivisionError), transaction.atomic(), events.gathered():  # noqa: PT012
        events.publish(stream.pk, "step", {})
        raise ZeroDivisionError
    assert rung == []
    assert not StreamEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_publishing_outside_a_transaction_is_refused() -> None:
    stream = Stream.objects.create()
    with pytest.raises(RuntimeError):
        events.publish(stream.pk, "step", {})


@pytest.mark.django_db(transaction=True)
def test_numbers_stay_gapless_when_threads_publish_at_once(rung: list[Any]) -> None:
    stream = Stream.objects.create()

    def work() -> None:
        for _ in range(25):
            with transaction.atomic():
                events.publish(stream.pk, "step", {})
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    stored = list(StreamEvent.objects.filter(stream=stream).values_list("number", flat=True))
    assert stored == list(range(1, 101))
    assert [event.number for event in events.events_after(stream.pk, 97)] == [98, 99, 100]
    assert len(events.events_after(stream.pk, 0, limit=10)) == 10


def test_a_bell_that_cannot_ring_is_only_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tried = threading.Event()

    class Broken:
        async def group_send(self, group: str, message: dict[str, Any]) -> None:
            tried.set()
            raise ConnectionError

    monkeypatch.setattr(bells, "get_channel_layer", Broken)
    bells.send("g", {"type": "x"})
    assert tried.wait(5)


@pytest.mark.django_db
def test_labels_are_raw_text_by_token_id() -> None:
    pieces = ["a", " the", "<b>", "\n", "\U0001f600", "\ud800"]
    row = Vocabulary.objects.create(hash="h", size=len(pieces), pieces=pack(pieces))
    assert labels(row) == pieces
    assert label(row, 2) == "<b>"
    assert label(row, 6) == "[6]"
    assert label(None, 0) == "[0]"


@pytest.mark.django_db
def test_what_is_written_between_two_looks_has_not_been_pruned(
    rung: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = Stream.objects.create()
    read = events.events_after

    def publish_meanwhile(*asked: Any) -> list[events.Event]:
        found = read(*asked)
        if not found:
            with transaction.atomic():
                events.publish(stream.pk, "text", {"text": "late"})
        return found

    monkeypatch.setattr(events, "events_after", publish_meanwhile)
    found = events.backlog(stream.pk, 0)
    assert ([event.number for event in found.events], found.trimmed) == ([1], False)
    StreamEvent.objects.all().delete()
    monkeypatch.setattr(events, "events_after", read)
    assert events.backlog(stream.pk, 0) == events.Backlog([], trimmed=True)
    assert events.backlog(stream.pk, 1) == events.Backlog([])
