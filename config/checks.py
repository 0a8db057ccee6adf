"""Settings that contradict each other, as Django system checks with ids."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from django.core.checks import CheckMessage, Error, Warning, register

from config.databases import ENGINES
from config.env import Env, env

LOCAL = {"localhost", "127.0.0.1", "[::1]", "::1"}


class Contradiction(NamedTuple):
    """When it is there, what is wrong, and what to do about it."""

    id: str
    kind: type[Error] | type[Warning]
    present: Callable[[Env], bool]
    message: str
    hint: str


def _public(settings: Env) -> bool:
    return not set(settings.hosts) <= LOCAL


def _takes_files(path: Path) -> bool:
    """Whether files can be made there, or the directory itself where there is none yet."""
    there = next(one for one in (path, *path.absolute().parents) if one.exists())
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


CONTRADICTIONS = (
    Contradiction(
        "unmask.E001",
        Error,
        lambda env: bool(env.REDIS_URL) and not env.DATABASE_URL,
        "REDIS_URL is set and DATABASE_URL is not: several processes would share a SQLite file.",
        "Set DATABASE_URL to a PostgreSQL database, or unset REDIS_URL.",
    ),
    Contradiction(
        "unmask.E002",
        Error,
        lambda env: env.embedded and env.WEB_CONCURRENCY > 1,
        "WEB_CONCURRENCY is above 1 without REDIS_URL: nothing crosses from process to process.",
        "Set REDIS_URL and DATABASE_URL, or leave WEB_CONCURRENCY at 1.",
    ),
    Contradiction(
        "unmask.E003",
        Error,
        lambda env: env.DEBUG and _public(env),
        "DEBUG is on and ALLOWED_HOSTS names a public host: error pages would show the source.",
        "Unset DEBUG, or serve local hosts only.",
    ),
    Contradiction(
        "unmask.E004",
        Error,
        lambda env: not env.embedded and not env.SECRET_KEY,
        "SECRET_KEY is missing: every process would sign cookies with a key of its own.",
        "Set SECRET_KEY to the same long random text for all processes.",
    ),
    Contradiction(
        "unmask.E005",
        Error,
        lambda env: bool(env.DATABASE_URL) and env.DATABASE_URL.split(":")[0] not in ENGINES,
        "DATABASE_URL is not a PostgreSQL address.",
        "Write postgres://user:password@host:port/name, or leave it empty for SQLite.",
    ),
    Contradiction(
        "unmask.E006",
        Error,
        lambda env: bool(env.REDIS_URL) and env.REDIS_URL.split(":")[0] not in ("redis", "rediss"),
        "REDIS_URL is not a Redis address.",
        "Write redis://host:port/0 (rediss:// for TLS).",
    ),
    Contradiction(
        "unmask.W001",
        Warning,
        lambda env: _public(env) and not env.HTTPS,
        "ALLOWED_HOSTS names a public host and HTTPS is off: cookies and tokens travel in clear.",
        "Put a proxy with TLS in front and set HTTPS=1.",
    ),
    Contradiction(
        "unmask.W002",
        Warning,
        lambda env: _public(env) and env.guests,
        "Guests are allowed on a public host: every visitor gets an account and your device.",
        "Set ALLOW_GUESTS=0.",
    ),
    Contradiction(
        "unmask.W003",
        Warning,
        lambda env: 0 < len(env.SECRET_KEY) < 32,
        "SECRET_KEY is short.",
        "Use at least 32 random characters.",
    ),
    Contradiction(
        "unmask.W004",
        Warning,
        lambda env: env.MODELS_DIR is not None and not env.MODELS_DIR.is_dir(),
        "MODELS_DIR is no directory: only the shipped models are listed.",
        "Make it, or correct MODELS_DIR; then run `python manage.py sync_models`.",
    ),
    Contradiction(
        "unmask.W005",
        Warning,
        lambda env: not all(root.is_dir() for root in env.model_roots),
        "MODEL_ROOTS names something that is no directory: nothing can be added from there.",
        "Make it, or correct MODEL_ROOTS.",
    ),
    Contradiction(
        "unmask.W006",
        Warning,
        lambda env: not all(map(_takes_files, (env.training_dir, env.hub_cache))),
        "Nothing can be written where trained or downloaded models shall lie.",
        "Set TRAINING_DIR and HF_HUB_CACHE to directories in which this account may write.",
    ),
)


def contradictions(settings: Env) -> list[CheckMessage]:
    """What is wrong with these settings, errors and warnings."""
    return [
        row.kind(row.message, hint=row.hint, id=row.id)
        for row in CONTRADICTIONS
        if row.present(settings)
    ]


@register("unmask")
def check_settings(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """Run by every management command, and by the ASGI application when it is imported."""
    return contradictions(env())


def refuse_contradictions() -> None:
    """For servers that are not started by manage.py. Raises SystemExit with the messages."""
    errors = [message for message in contradictions(env()) if message.is_serious()]
    if errors:
        raise SystemExit("\n".join(f"{error.id}: {error.msg} {error.hint}" for error in errors))
