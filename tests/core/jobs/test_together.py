"""Group commit: who comes while another writes shares a transaction; nobody pays for another."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from core.jobs.together import Together
from inference.events import publish
from inference.models import Stream, StreamEvent
from tests.servers import wait_for

pytestmark = pytest.mark.django_db(transaction=True)
Work = Callable[[], None]


def _nothing() -> None:
    """There is nothing to bring back."""


def _wait(together: Together, count: int) -> bool:
    return len(together._waiting) == count


def _side_by_side(works: list[Work], agains: dict[int, Work] | None = None) -> list[str]:
    """The name of what each was refused with, if it was; all come while another one writes."""
    together, gate = Together(), threading.Event()

    def write(work: Work, again: Work) -> str:
        try:
            together.write(work, again)
        except Exception as error:
            return type(error).__name__
        finally:
            connection.close()
        return ""

    def first() -> None:
        assert gate.wait(10)

    with ThreadPoolExecutor(len(works) + 1) as pool:
        held = pool.submit(write, first, _nothing)
        wait_for(lambda: together._busy, "the first one to write", 10)
        others = []
        for number, work in enumerate(works, 1):
            others.append(pool.submit(write, work, (agains or {}).get(number - 1, _nothing)))
            wait_for(partial(_wait, together, number), "the next one to come", 10)
        gate.set()
        assert held.result() == ""
        return [other.result() for other in others]


def _user(name: str) -> None:
    assert transaction.get_connection().in_atomic_block
    User.objects.create(username=name)


def test_those_who_come_while_another_writes_share_a_transaction() -> None:
    writers: list[int] = []

    def work(name: str) -> None:
        _user(name)
        writers.append(threading.get_ident())

    assert _side_by_side([partial(work, name) for name in "abc"]) == ["", "", ""]
    assert len(writers) == 3
    assert len(set(writers)) == 1
    assert set(User.objects.values_list("username", flat=True)) == set("abc")


def test_a_failure_is_told_to_its_own_thread_and_costs_the_others_nothing() -> None:
    again: list[int] = []

    def failing() -> None:
        _user("b")
        raise ValueError

    found = _side_by_side(
        [partial(_user, "a"), failing, partial(_user, "c")],
        {n: partial(again.append, n) for n in range(3)},
    )
    assert found == ["", "ValueError", ""]
    assert again == [0, 1, 2]
    assert set(User.objects.values_list("username", flat=True)) == {"a", "c"}


def test_what_was_rolled_back_is_told_once_only() -> None:
    stream = Stream.objects.create()

    def failing() -> None:
        raise ValueError

    def telling() -> None:
        publish(stream.pk, "step", {"number": 1})

    assert _side_by_side([telling, failing, telling]) == ["", "ValueError", ""]
    assert list(StreamEvent.objects.values_list("number", flat=True)) == [1, 2]


def test_who_cannot_bring_back_what_changed_is_told_so() -> None:
    def failing() -> None:
        raise ValueError

    def lost() -> None:
        raise LookupError

    found = _side_by_side([partial(_user, "a"), failing, partial(_user, "c")], {2: lost})
    assert found == ["", "ValueError", "LookupError"]
    assert set(User.objects.values_list("username", flat=True)) == {"a"}


def test_a_failure_alone_is_not_tried_again() -> None:
    tried: list[str] = []

    def failing() -> None:
        tried.append("once")
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - it has no message
        Together().write(failing, partial(tried.append, "again"))
    assert tried == ["once"]
