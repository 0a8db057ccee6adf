"""Connections of threads that live long."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from inference import connections
from inference.connections import kept_open


def _handle() -> Any:
    connection.ensure_connection()
    return connection.connection


@pytest.mark.django_db(transaction=True)
def test_the_next_piece_of_work_finds_the_connection_open() -> None:
    with ThreadPoolExecutor(1) as thread:
        first = thread.submit(kept_open(_handle)).result()
        assert thread.submit(kept_open(_handle)).result() is first
        thread.submit(lambda: connection.close()).result()  # its own connection


@pytest.mark.django_db(transaction=True)
def test_an_old_connection_is_opened_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "KEEP_SECONDS", -1.0)
    with ThreadPoolExecutor(1) as thread:
        first = thread.submit(kept_open(_handle)).result()
        assert thread.submit(kept_open(_handle)).result() is not first
        thread.submit(lambda: connection.close()).result()  # its own connection


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_was_left_inside_a_transaction_is_not_kept() -> None:
    def spoil() -> None:
        _handle()
        connection.set_autocommit(False)

    with ThreadPoolExecutor(1) as thread:
        thread.submit(kept_open(spoil)).result()
        thread.submit(kept_open(_handle)).result()
        assert thread.submit(kept_open(lambda: connection.get_autocommit())).result()
        thread.submit(lambda: connection.close()).result()  # its own connection


@pytest.mark.django_db
def test_work_inside_a_transaction_leaves_its_connection_alone() -> None:
    before = connection.close_at
    kept_open(_handle)()
    assert connection.in_atomic_block
    assert connection.close_at == before
