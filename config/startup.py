"""What has to be there before a site is served or a worker works: one sentence for what is not."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable

from django.conf import settings
from django.core.management.base import CommandError
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from inference.models import ModelEntry

REDIS_SECONDS = 5
NO_DATABASE = "The database cannot be used: {}. {}"
NO_TABLES = (
    "The database lacks tables or columns of this version. Run `python manage.py migrate` first; "
    "`make run` does that."
)
NO_REDIS = "Redis cannot be used: {}. Start it, or correct REDIS_URL."
NO_MODEL = (
    "DEFAULT_MODEL is {}, which is no diffusion model whose files are here: another one is loaded "
    "first. Correct it, or put the model into MODELS_DIR and run `python manage.py sync_models`."
)
NO_PORT = "Nothing can listen on {}, port {}: {}. {}"
PORT_ADVICE = {
    errno.EADDRINUSE: "Choose another port with PORT=… , or stop what listens there.",
    errno.EACCES: "Choose a port above 1023 with PORT=… .",
}


def refuse_without_database() -> None:
    """Raises CommandError where the database does not answer, or was not migrated."""
    _refuse(_database, _tables)


def refuse_to_serve(host: str, port: int) -> None:
    """The same; also where nobody could ask this process, or it could not ask the others."""
    _refuse(lambda: _port(host, port), _database, _tables, _redis)


def _refuse(*checks: Callable[[], str]) -> None:
    for check in checks:
        if reason := check():
            raise CommandError(reason)


def database_reason() -> str:
    """Why a command failed at the database; empty where that is neither missing nor old."""
    return _database() or _tables()


def _database() -> str:
    try:
        connection.ensure_connection()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return NO_DATABASE.format(_first_line(error), _database_advice())
    return ""


def _database_advice() -> str:
    if connection.vendor == "postgresql":
        return "Start it, or correct DATABASE_URL."
    return "Its file is in DATA_DIR."


def _tables() -> str:
    """Some migration was not applied. Those of a newer version, which is unknown here, may be."""
    executor = MigrationExecutor(connection)
    return NO_TABLES if executor.migration_plan(executor.loader.graph.leaf_nodes()) else ""


def default_model_fault() -> str:
    """What is said of a DEFAULT_MODEL that cannot be loaded first; the site works without."""
    rows = ModelEntry.objects.filter(slug=settings.DEFAULT_MODEL, kind=ModelEntry.Kind.DIFFUSION)
    if not settings.DEFAULT_MODEL or rows.exclude(state=ModelEntry.State.ABSENT).exists():
        return ""
    return NO_MODEL.format(settings.DEFAULT_MODEL)


def _redis() -> str:
    if settings.EMBEDDED:
        return ""
    # Imported here: the one-process shape needs no client of Redis.
    from redis import Redis, RedisError

    try:
        with Redis.from_url(settings.REDIS_URL, socket_connect_timeout=REDIS_SECONDS) as client:
            client.ping()
    except (RedisError, ValueError) as error:
        return NO_REDIS.format(_first_line(error))
    return ""


def _port(host: str, port: int) -> str:
    """Somebody may take it in the next moment: the server's own failure is told as well."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host.strip("[]"), port))
    except OSError as error:
        advice = PORT_ADVICE.get(error.errno or 0, "Correct HOST.")
        return NO_PORT.format(host, port, error.strerror, advice)
    except OverflowError:
        return f"{port} is no port: they go from 0 to 65535."
    return ""


def _first_line(error: Exception) -> str:
    """The drivers' further lines are questions and advice of their own."""
    return str(error).partition("\n")[0].strip().rstrip(".")
