"""Django's DATABASES entry from a URL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

SQLITE_OPTIONS = {
    # Write transactions take the lock at BEGIN; a later upgrade would fail at once as "locked".
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
}
ENGINES = {
    "postgres": "django.db.backends.postgresql",
    "postgresql": "django.db.backends.postgresql",
}

PARTS = {
    "NAME": "dbname",
    "USER": "user",
    "PASSWORD": "password",
    "HOST": "host",
    "PORT": "port",
}
"""Django's names for what libpq calls otherwise; whatever else stands in the URL is an option."""


def database_from(url: str, data_dir: Path) -> dict[str, Any]:
    """PostgreSQL from `postgres://…`, else SQLite in `data_dir`. Raises ValueError."""
    return _postgres(url) if url else _sqlite(data_dir)


def _sqlite(data_dir: Path) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": data_dir / "unmask.sqlite3",
        "OPTIONS": SQLITE_OPTIONS,
        # A file, not :memory:, so that threads and WAL behave in tests as they do outside.
        "TEST": {"NAME": data_dir / "test.sqlite3"},
    }


def _postgres(url: str) -> dict[str, Any]:
    """Read as PostgreSQL's own programs read it: every part may be percent-encoded."""
    if url.partition(":")[0] not in ENGINES:
        raise ValueError(f"it must begin with {' or '.join(f'{name}://' for name in ENGINES)}")
    parts = _parsed(url)
    return {
        "ENGINE": ENGINES[url.partition(":")[0]],
        **{name: parts.pop(part, "") for name, part in PARTS.items()},
        "CONN_HEALTH_CHECKS": True,
        # 0 for web processes, whose threads come and go; workers keep theirs (config.celery).
        "CONN_MAX_AGE": 0,
        "OPTIONS": parts,
    }


def _parsed(url: str) -> dict[str, Any]:
    # Imported here: the one-process shape needs no driver.
    from psycopg import Error
    from psycopg.conninfo import conninfo_to_dict

    try:
        return dict(conninfo_to_dict(url))
    except Error:
        # The driver's own sentence may hold the password.
        raise ValueError("it is not postgres://user:password@host:port/name?option=value") from None
