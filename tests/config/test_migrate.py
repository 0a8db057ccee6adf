"""Several migrations at once on a new database: one does it, the others wait and find it done."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from config.management.commands.migrate import LOCK
from tests.servers import ROOT, SECRET, environment, wait_for

pytestmark = pytest.mark.servers
COMMAND = [sys.executable, "manage.py", "migrate", "--verbosity", "1"]
WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


def _started(env: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        COMMAND, env=env, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def _outputs(processes: list[subprocess.Popen[str]]) -> list[str]:
    """What they wrote, the busiest first. All must have ended well."""
    told = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), told
    return sorted(told, key=len, reverse=True)


def test_in_one_directory(tmp_path: Path) -> None:
    env = environment(tmp_path)
    data = Path(env["DATA_DIR"])
    data.mkdir()
    with (data / "migrate.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        processes = [_started(env), _started(env)]
        waiting = f"{os.fstat(lock.fileno()).st_ino} 0 EOF"
        wait_for(lambda: _waits_for(waiting) == 2, "two that wait", 60)
        with closing(sqlite3.connect(data / "unmask.sqlite3")) as database:
            assert database.execute("SELECT name FROM sqlite_master").fetchall() == []
    first, second = _outputs(processes)
    assert "Applying accounts.0001_initial... OK" in first
    assert "No migrations to apply" in second


def _waits_for(lock: str) -> int:
    lines = Path("/proc/locks").read_text().splitlines()
    return sum("->" in line and line.endswith(lock) for line in lines)


def test_in_one_postgres(tmp_path: Path, postgres_url: str) -> None:
    name = f"fresh_{os.getpid()}"
    url = postgres_url.replace("/postgres", f"/{name}")
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
    site = {"REDIS_URL": "redis://127.0.0.1:1/0", "DATABASE_URL": url, "SECRET_KEY": SECRET}
    with psycopg.connect(url, autocommit=True) as holder:
        holder.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        processes = [_started(environment(tmp_path, **site)) for _ in range(2)]
        wait_for(lambda: holder.execute(WAITING).fetchone() == (2,), "two that wait", 60)
        assert holder.execute("SELECT to_regclass('django_migrations')").fetchone() == (None,)
    first, second = _outputs(processes)
    assert "Applying accounts.0001_initial... OK" in first
    assert "No migrations to apply" in second
