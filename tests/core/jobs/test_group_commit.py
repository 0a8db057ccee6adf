"""Group commit: who comes while another writes is written with others; nobody pays for another."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from core.jobs.group_commit import GroupCommit
from inference.events import gathered, publish
from inference.models import Stream, StreamEvent
from tests.servers import wait_for

pytestmark = pytest.mark.django_db(transaction=True)
BROKEN = "broken"


class Users:
    """Writes users by name, all or none; one name cannot be written."""

    def __init__(self, stream: Stream | None = None) -> None:
        self.calls: list[tuple[list[str], int]] = []
        self.gate = threading.Event()
        self.stream = stream

    def write_all(self, names: Sequence[str]) -> None:
        self.calls.append((list(names), threading.get_ident()))
        assert self.gate.wait(10)
        with transaction.atomic(), gathered():
            for name in names:
                User.objects.create(username=name)
                if self.stream is not None:
                    publish(self.stream.pk, "step", {"name": name})
                if name == BROKEN:
                    raise ValueError


def _waiting(commit: GroupCommit[str], count: int) -> bool:
    return len(commit._waiting) == count


def _side_by_side(users: Users, *names: str) -> list[str]:
    """What each was refused with, if it was: all but the first come while the first is written."""
    commit = GroupCommit(users.write_all)

    def write(name: str) -> str:
        try:
            commit.write(name)
        except Exception as error:
            return type(error).__name__
        finally:
            connection.close()
        return ""

    with ThreadPoolExecutor(len(names)) as pool:
        told = [pool.submit(write, names[0])]
        wait_for(lambda: users.calls, "the first one to write", 10)
        for number, name in enumerate(names[1:], 1):
            told.append(pool.submit(write, name))
            wait_for(partial(_waiting, commit, number), "the next one to come", 10)
        users.gate.set()
        return [one.result() for one in told]


def test_those_who_come_while_another_writes_are_written_by_one_of_them() -> None:
    users = Users()
    assert _side_by_side(users, "first", "a", "b", "c") == ["", "", "", ""]
    assert [names for names, _ in users.calls] == [["first"], ["a", "b", "c"]]
    assert set(User.objects.values_list("username", flat=True)) == {"first", *"abc"}


def test_a_failure_is_told_to_its_own_thread_and_costs_the_others_nothing() -> None:
    users = Users()
    assert _side_by_side(users, "first", "a", BROKEN, "c") == ["", "", "ValueError", ""]
    tried = [names for names, _ in users.calls]
    assert tried == [["first"], ["a", BROKEN, "c"], ["a"], [BROKEN], ["c"]]
    assert set(User.objects.values_list("username", flat=True)) == {"first", *"ac"}


def test_what_was_rolled_back_is_told_once_only() -> None:
    stream = Stream.objects.create()
    assert _side_by_side(Users(stream), "first", "a", BROKEN, "c") == ["", "", "ValueError", ""]
    told = StreamEvent.objects.order_by("number").values_list("number", "payload__name")
    assert list(told) == [(1, "first"), (2, "a"), (3, "c")]


def test_a_failure_alone_is_not_tried_again() -> None:
    users = Users()
    users.gate.set()
    with pytest.raises(ValueError):  # noqa: PT011 - it has no message
        GroupCommit(users.write_all).write(BROKEN)
    assert len(users.calls) == 1


def test_the_next_one_is_written_after_a_failure() -> None:
    users = Users()
    users.gate.set()
    commit = GroupCommit(users.write_all)
    with pytest.raises(ValueError):  # noqa: PT011 - it has no message
        commit.write(BROKEN)
    commit.write("a")
    assert User.objects.filter(username="a").exists()
