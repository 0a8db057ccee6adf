"""Real servers for tests: Redis, PostgreSQL, the site itself in both shapes.

Everything listens on 127.0.0.1, on a free port, in a temporary directory, and ends with its test.
"""

from __future__ import annotations

import atexit
import json
import os
import pwd
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import psycopg
import pytest

from tests.interpreter import Interpreter

ROOT = Path(__file__).resolve().parent.parent
SECRET = "a-test-key-of-more-than-thirty-two-characters"
SECONDS = 90
DATABASE = "unmask.sqlite3"
TOKEN = """
import io, json
from django.core.management import call_command
written = io.StringIO()
call_command("api_token", {username!r}, stdout=written)
print(json.dumps(written.getvalue().strip()))
"""
MIGRATED: set[str] = set()
"""Databases of PostgreSQL that are ready: several sites of a run may have one."""
SERVE = [sys.executable, "manage.py", "serve"]


def lacking(what: str) -> None:
    """Skip, naming what is missing; in continuous integration nothing may be missing."""
    message = f"{what} is not installed"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(check: Callable[[], bool], what: str, seconds: float = SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {seconds} s")
        time.sleep(0.05)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def redis_server(port: int | None = None) -> Iterator[str]:
    """The URL of an empty Redis without persistence."""
    program = shutil.which("redis-server")
    if program is None:
        lacking("redis-server")
    port = port or free_port()
    with tempfile.TemporaryDirectory(prefix="unmask-redis-") as folder:
        options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""]
        with _running([str(program), *options], log=Path(folder) / "log"):
            wait_for(lambda: listens(port), "Redis")
            yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def postgres_server() -> Iterator[str]:
    """The URL of an empty database in a fresh cluster."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        lacking("PostgreSQL")
    programs, port = found[-1].parent, free_port()
    # Not pytest's own directory: the account that runs PostgreSQL could not enter it.
    folder = Path(tempfile.mkdtemp(prefix="unmask-pg-"))
    user = _unprivileged(folder)
    try:
        _initialise(programs, folder / "data", user)
        server = [str(programs / "postgres"), "-D", str(folder / "data"), "-p", str(port)]
        server += ["-k", str(folder), "-h", "127.0.0.1", "-c", "fsync=off"]
        with _running(server, log=folder / "log", user=user, stop=signal.SIGINT):
            wait_for(lambda: _accepts(programs, port), "PostgreSQL")
            yield f"postgres://unmask@127.0.0.1:{port}/postgres"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged(folder: Path) -> int | None:
    """PostgreSQL refuses to run as root; the folder goes to somebody else then."""
    if os.getuid() != 0:
        return None
    names = {entry.pw_name: entry.pw_uid for entry in pwd.getpwall()}
    user = names.get("postgres", names["nobody"])
    os.chown(folder, user, -1)
    return user


def _initialise(programs: Path, data: Path, user: int | None) -> None:
    command = [str(programs / "initdb"), "-D", str(data), "-U", "unmask", "-A", "trust"]
    options = ["--no-sync", "-E", "UTF8", "--locale", "C"]
    subprocess.run(
        [*command, *options], user=user, cwd=data.parent, check=True, capture_output=True
    )


def _accepts(programs: Path, port: int) -> bool:
    command = [str(programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
    return subprocess.run(command, check=False).returncode == 0


@contextmanager
def _running(
    command: list[str],
    log: Path,
    env: dict[str, str] | None = None,
    user: int | None = None,
    stop: signal.Signals = signal.SIGTERM,
) -> Iterator[subprocess.Popen[bytes]]:
    process = _started(command, log, env, user)
    try:
        yield process
    finally:
        _end(process, stop)


def _started(
    command: list[str], log: Path, env: dict[str, str] | None = None, user: int | None = None
) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(
            command, stdout=output, stderr=output, env=env, user=user, cwd=_cwd(user, log)
        )


def _end(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    process.send_signal(how)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)


def _cwd(user: int | None, log: Path) -> Path:
    return ROOT if user is None else log.parent


@dataclass
class Site:
    """A running site: where it is, how its processes were told, what they wrote."""

    url: str
    env: dict[str, str]
    web: subprocess.Popen[bytes]
    log: Path
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.interpreter = Interpreter(self.env, ROOT)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End the web process; the data and the port stay for `start`."""
        _end(self.web, how)

    def start(self) -> None:
        """Serve again on the same port and data; ready when this returns."""
        self.web = _started(SERVE, self.log, self.env)
        wait_for(self.is_ready, f"readiness ({self.url})")

    @property
    def socket_url(self) -> str:
        return self.url.replace("http", "ws", 1)

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        """Status and body, also of an error."""
        try:
            with urlopen(Request(self.url + path, headers=headers), timeout=20) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()

    def ready(self) -> dict[str, Any]:
        return dict(json.loads(self.get("/readyz")[1]))

    def is_ready(self) -> bool:
        try:
            return self.get("/readyz")[0] == 200
        except (URLError, OSError):
            if self.web.poll() is not None:
                raise AssertionError(f"the server ended:\n{self.log.read_text()[-3000:]}") from None
            return False

    def manage(self, *arguments: str) -> str:
        """The output of a management command with this site's settings."""
        return manage(self.env, *arguments)

    def run(self, code: str) -> Any:
        """What a few lines print as JSON, in a process beside the site, with its settings."""
        return self.interpreter.run(code)

    def token(self, username: str) -> str:
        """A fresh API token of a user, who is made if need be."""
        return str(self.run(TOKEN.format(username=username)))


def manage(env: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{arguments}: {done.stdout}{done.stderr}")
    return done.stdout


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """A child's environment: nothing of the test run's own settings, a directory of its own."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    fixed = {"DATA_DIR": str(folder / "data"), "PORT": str(free_port()), "DEVICE": "cpu"}
    return {**kept, **fixed, "TORCH_THREADS": "1", "PYTHONUNBUFFERED": "1", **settings}


@contextmanager
def embedded_site(folder: Path, **settings: str) -> Iterator[Site]:
    """`python manage.py serve` without any server beside it; ready when this returns."""
    env = environment(folder, **settings)
    _copy(_migrated(), Path(env["DATA_DIR"]))
    with _web(folder, env) as site:
        wait_for(site.is_ready, f"readiness ({site.url})")
        yield site


@cache
def _migrated() -> Path:
    """A data directory with an empty database, migrated once for all sites of this process."""
    folder = Path(tempfile.mkdtemp(prefix="unmask-empty-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    manage(environment(folder), "migrate", "--verbosity", "0")
    return folder / "data"


def _copy(source: Path, data: Path) -> None:
    """Lay the database into a data directory that has none yet."""
    data.mkdir(parents=True, exist_ok=True)
    if (data / DATABASE).exists():
        return
    with (
        closing(sqlite3.connect(source / DATABASE)) as empty,
        closing(sqlite3.connect(data / DATABASE)) as made,
    ):
        empty.backup(made)


def fresh_database(postgres: str, name: str) -> str:
    """The URL of an empty database on the same server."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return f"{postgres.rpartition('/')[0]}/{name}"


@contextmanager
def full_site(folder: Path, redis: str, postgres: str, **settings: str) -> Iterator[Site]:
    """The site shape: web and worker as processes of their own."""
    urls = {"REDIS_URL": redis, "DATABASE_URL": postgres, "SECRET_KEY": SECRET}
    env = environment(folder, **urls, **settings)
    if postgres not in MIGRATED:
        manage(env, "migrate", "--verbosity", "0")
        MIGRATED.add(postgres)
    with _web(folder, env) as site, worker(folder, env) as process:
        site.workers.append(process)
        wait_for(site.is_ready, f"readiness ({site.url})")
        yield site


@contextmanager
def _web(folder: Path, env: dict[str, str]) -> Iterator[Site]:
    log = folder / "web.log"
    host = env.get("HOST", "127.0.0.1")
    address = f"[{host}]" if ":" in host else host
    site = Site(f"http://{address}:{env['PORT']}", env, _started(SERVE, log, env), log)
    try:
        yield site
    finally:
        site.interpreter.close()
        site.stop()


@contextmanager
def worker(folder: Path, env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A Celery worker as the README starts it."""
    celery = [sys.executable, "-m", "celery", "-A", "config", "worker", "--pool=threads"]
    with _running(celery, log=folder / f"worker-{free_port()}.log", env=env) as process:
        yield process
