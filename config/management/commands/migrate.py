"""`python manage.py migrate`, one at a time: whoever comes second waits and finds it done.

Several processes of a site may be started at once, each with a migration before it; on a new
database they would make the same tables.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management.commands import migrate
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

LOCK = 0x756E6D61736B
"""The advisory lock's number in PostgreSQL: "unmask"."""


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[options["database"]]
        held = _in_postgres(connection) if connection.vendor == "postgresql" else _in_a_file()
        with held:
            super().handle(*args, **options)


@contextmanager
def _in_postgres(connection: BaseDatabaseWrapper) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


@contextmanager
def _in_a_file() -> Iterator[None]:
    """Of the data directory, where the database is a file as well."""
    with (settings.DATA_DIR / "migrate.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
