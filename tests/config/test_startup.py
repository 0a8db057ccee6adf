"""What is missing at the start is told in one sentence, and the process ends."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management.base import CommandError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder
from django.db.utils import OperationalError

from config import command_line, startup
from config.folders import usable, writable
from inference.worker import timers
from tests.servers import ROOT

REFUSED = 'connection to server at "127.0.0.1", port 1 failed: refused\n\tIs it running?'


def _run(*command: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *command],
        env={**os.environ, **env},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_site_without_tables_is_not_served(tmp_path: Path) -> None:
    """It logged two tracebacks a second and answered every page with 500."""
    done = _run("serve", DATA_DIR=str(tmp_path), PORT="1025")
    assert done.returncode == 1
    assert "python manage.py migrate" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_settings_that_name_no_directory_end_the_process(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    done = _run("check", DATA_DIR=str(file))
    assert done.returncode == 1
    assert done.stderr.startswith(f"DATA_DIR cannot be used: {file}: ")
    assert len(done.stderr.splitlines()) == 1


def test_whatever_the_system_refuses_is_a_sentence(tmp_path: Path) -> None:
    assert writable(tmp_path / "a" / "b", "LOG_DIR").is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit, match=r"LOG_DIR cannot be used: .*file"):
        writable(tmp_path / "file" / "below", "LOG_DIR")
    told = pytest.raises(SystemExit, match=r"DATA_DIR cannot be used: secret_key: .*DATA_DIR")
    with told, usable("DATA_DIR"):
        raise PermissionError(13, "Permission denied", "secret_key")


@pytest.mark.django_db
def test_a_site_that_has_all_is_served(free_address: tuple[str, int]) -> None:
    startup.refuse_to_serve(*free_address)
    startup.refuse_without_database()


@pytest.fixture
def free_address() -> tuple[str, int]:
    return "127.0.0.1", 0


@pytest.mark.django_db
def test_a_taken_port_is_told_before_anything_starts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CommandError, match=f"port {port}: Address already in use.*PORT="):
            startup.refuse_to_serve("127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "port", "told"),
    [
        ("192.0.2.1", 8000, r"192\.0\.2\.1.*Correct HOST"),
        ("127.0.0.1", 99999, "no port"),
    ],
)
def test_an_address_that_is_not_ours(host: str, port: int, told: str) -> None:
    with pytest.raises(CommandError, match=told):
        startup.refuse_to_serve(host, port)


@pytest.mark.django_db
def test_a_database_of_an_older_version_is_not_used(free_address: tuple[str, int]) -> None:
    newest = MigrationRecorder.Migration.objects.filter(app="playground").latest("name")
    newest.delete()
    with pytest.raises(CommandError, match="migrate"):
        startup.refuse_to_serve(*free_address)
    MigrationRecorder.Migration.objects.create(app="playground", name=newest.name)
    MigrationRecorder.Migration.objects.create(app="playground", name="9999_of_tomorrow")
    startup.refuse_to_serve(*free_address)


@pytest.fixture
def unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Any) -> None:
        raise OperationalError(REFUSED)

    monkeypatch.setattr(BaseDatabaseWrapper, "ensure_connection", refuse)


@pytest.mark.usefixtures("unreachable")
def test_a_database_that_does_not_answer(free_address: tuple[str, int]) -> None:
    with pytest.raises(CommandError, match="port 1 failed: refused") as caught:
        startup.refuse_to_serve(*free_address)
    assert "Is it running?" not in str(caught.value)


@pytest.mark.usefixtures("unreachable")
def test_every_command_tells_of_a_missing_database(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: list[str]) -> None:
        raise OperationalError(REFUSED)

    monkeypatch.setattr(command_line, "execute_from_command_line", fail)
    with pytest.raises(SystemExit, match="The database cannot be used"):
        command_line.main()


@pytest.mark.django_db
def test_a_fault_of_a_command_itself_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """A traceback is what whoever mends the command needs."""

    def fail(_: list[str]) -> None:
        raise OperationalError("near SELECT: syntax error")

    monkeypatch.setattr(command_line, "execute_from_command_line", fail)
    with pytest.raises(OperationalError, match="syntax"):
        command_line.main()


@pytest.mark.django_db
@pytest.mark.parametrize("url", ["redis://:hidden@127.0.0.1:1/0", "redis://127.0.0.1:notaport/0"])
def test_a_redis_that_does_not_answer(
    url: str, settings: Any, free_address: tuple[str, int]
) -> None:
    settings.EMBEDDED, settings.REDIS_URL = False, url
    with pytest.raises(CommandError, match=r"Redis cannot be used: .*REDIS_URL") as caught:
        startup.refuse_to_serve(*free_address)
    assert "hidden" not in str(caught.value)


@pytest.mark.django_db
def test_a_default_model_that_is_not_here(settings: Any) -> None:
    settings.DEFAULT_MODEL = "nobody/nothing"
    assert "nobody/nothing" in startup.default_model_fault()
    settings.DEFAULT_MODEL = ""
    assert not startup.default_model_fault()


def test_a_timer_that_goes_on_failing_is_told_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that is away filled the log with tracebacks, every second several."""
    monkeypatch.setattr(timers, "close_old_connections", lambda: None)
    faults: list[type[Exception] | None] = [OSError, OSError, OSError, ValueError, None, OSError]

    def work() -> None:
        if fault := faults.pop(0):
            raise fault

    timer = timers._Timer(0.5, work)
    with caplog.at_level(logging.INFO, logger="inference.worker.timers"):
        while faults:
            timers._run("some.timer", timer)
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR", "INFO", "ERROR"]
