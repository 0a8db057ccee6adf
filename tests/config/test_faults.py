"""What the shapes survive: idle sockets on Redis, a killed worker, a restarted Redis, kill -9."""

from __future__ import annotations

import os
import signal
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from websockets.sync.client import connect

from inference.registry import DEAF_SECONDS
from tests.servers import (
    Site,
    embedded_site,
    free_port,
    fresh_database,
    full_site,
    redis_server,
    wait_for,
    worker,
)

pytestmark = pytest.mark.servers
LOAD = """
from celery import current_app
current_app.send_task("inference.load_model", ["lab/tiny-2"])
print(1)
"""
STATE = """
import json
from inference.models import ModelEntry
print(json.dumps(ModelEntry.objects.get(slug="lab/tiny-2").state))
"""
IDLE_SECONDS = 8
"""redis-py 8 would cut an idle socket after five."""


def test_an_idle_socket_on_redis_stays_open(served_site: Site) -> None:
    bearer = {"Authorization": f"Bearer {served_site.token('idle')}"}
    with connect(f"{served_site.socket_url}/ws", additional_headers=bearer) as client:
        client.recv(timeout=10)
        time.sleep(IDLE_SECONDS)
        assert client.ping().wait(5)
        assert client.close_code is None


def test_nobody_gets_a_socket_without_an_account(
    tmp_path: Path, models_dir: Path, redis_url: str, postgres_url: str
) -> None:
    """The site shape has no guests unless they are asked for."""
    settings = {"MODELS_DIR": str(models_dir), "DEFAULT_MODEL": "tiny"}
    with full_site(tmp_path, redis_url, postgres_url, **settings) as site:
        with connect(f"{site.socket_url}/ws") as client, pytest.raises(Exception, match="4401"):
            client.recv(timeout=10)
        assert site.get("/accounts/")[0] == 200  # the sign-in page, after a redirect
        _killed_worker_is_noticed(tmp_path, site)


def _killed_worker_is_noticed(folder: Path, site: Site) -> None:
    """A second worker dies without a word; the first one keeps the site ready."""
    with worker(folder, site.env) as second:
        time.sleep(3)
        os.kill(second.pid, signal.SIGKILL)
    assert site.get("/readyz")[0] == 200


def test_a_redis_restart_ends_nothing(tmp_path: Path, models_dir: Path, postgres_url: str) -> None:
    port = free_port()
    settings = {"MODELS_DIR": str(models_dir), "DEFAULT_MODEL": "tiny", "ALLOW_GUESTS": "1"}
    with ExitStack() as first:
        url = first.enter_context(redis_server(port))
        with (
            full_site(tmp_path, url, postgres_url, **settings) as site,
            connect(f"{site.socket_url}/ws") as client,
        ):
            client.recv(timeout=10)
            first.close()
            time.sleep(2)
            with redis_server(port):
                wait_for(site.is_ready, "readiness after the restart", 60)
                assert client.ping().wait(5)
                _task_runs(site)


def _task_runs(site: Site) -> None:
    site.run(LOAD)
    wait_for(lambda: site.run(STATE) == "loaded", "loading", 60)


def test_a_worker_that_beats_but_takes_nothing_is_noticed(
    tmp_path: Path, models_dir: Path, redis_url: str, postgres_url: str
) -> None:
    settings = {"MODELS_DIR": str(models_dir), "DEFAULT_MODEL": "tiny"}
    alone = redis_url.replace("/0", "/5")  # orders reach all workers of a Redis database
    empty = fresh_database(postgres_url, "deaf")  # where no other worker is at work
    with full_site(tmp_path, alone, empty, **settings) as site:
        _control(site, "cancel_consumer")
        wait_for(lambda: not site.is_ready(), "the deaf worker", 2 * DEAF_SECONDS)
        assert site.ready()["parts"]["worker"] == "no worker takes tasks"
        _control(site, "add_consumer")
        wait_for(site.is_ready, "a worker that takes tasks again", DEAF_SECONDS)


def _control(site: Site, order: str) -> None:
    """Celery's remote control of the site's worker, which may not hear yet when it beats."""
    code = (
        "import json\nfrom celery import current_app\nanswer = []\n"
        f"while not answer:\n    answer = current_app.control.{order}(\n"
        "        'unmask', reply=True, timeout=5, limit=1)\nprint(json.dumps(answer))"
    )
    assert "ok" in str(site.run(code))


def test_an_embedded_site_that_was_killed_starts_again_on_its_data(
    tmp_path: Path, models_dir: Path
) -> None:
    settings = {"MODELS_DIR": str(models_dir), "DEFAULT_MODEL": "tiny"}
    with embedded_site(tmp_path, **settings) as site:
        token = site.token("ada")
        os.kill(site.web.pid, signal.SIGKILL)
    env = site.env
    with embedded_site(tmp_path, **settings) as again:
        assert again.env["DATA_DIR"] == env["DATA_DIR"]
        assert again.get("/accounts/", Authorization=f"Bearer {token}")[0] == 200


def test_serve_ends_cleanly(tmp_path: Path, models_dir: Path) -> None:
    with embedded_site(tmp_path, MODELS_DIR=str(models_dir), DEFAULT_MODEL="tiny") as site:
        site.web.send_signal(signal.SIGINT)
        assert site.web.wait(60) == 0
    assert "Traceback" not in site.log.read_text()
