"""Django's DATABASES entry from a URL."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

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


def database_from(url: str, data_dir: Path) -> dict[str, Any]:
    """PostgreSQL from `postgres://…`, else SQLite in `data_dir`."""
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
    parts = urlsplit(url)
    if parts.scheme not in ENGINES:
        raise ValueError(f"DATABASE_URL must begin with one of {', '.join(ENGINES)}://")
    return {
        "ENGINE": ENGINES[parts.scheme],
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "CONN_HEALTH_CHECKS": True,
        # 0 for web processes, whose threads come and go; workers keep theirs (config.celery).
        "CONN_MAX_AGE": 0,
        "OPTIONS": dict(parse_qsl(parts.query)),
    }
