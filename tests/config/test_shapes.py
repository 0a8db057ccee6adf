"""Both process shapes, started for real: readiness, tasks, refusals."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from websockets.sync.client import connect

from tests.config.test_faults import LOAD, STATE
from tests.servers import ROOT, Site, embedded_site, environment, wait_for

pytestmark = pytest.mark.servers

IN_SITE = """
import django; django.setup()
import json, sys
{code}
"""


def _run(env: dict[str, str], code: str) -> str:
    """Output of a few lines in a process of their own with a site's settings."""
    done = subprocess.run(
        [sys.executable, "-c", IN_SITE.format(code=code)],
        env={**env, "DJANGO_SETTINGS_MODULE": "config.settings"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_embedded_site_is_ready_with_its_worker_and_model(site: Site) -> None:
    parts = site.ready()["parts"]
    assert set(parts.values()) == {"ok"}
    assert set(parts) == {"database", "channel layer", "worker", "model", "disk"}


def test_the_embedded_site_says_where_it_is(site: Site) -> None:
    expected = f"Unmask is at http://localhost:{site.env['PORT']}"
    wait_for(lambda: expected in site.log.read_text(), "the address in the output", 20)


def test_an_ipv6_address_is_served_and_said(tmp_path: Path, models_dir: Path) -> None:
    folder = {"MODELS_DIR": str(models_dir), "DEFAULT_MODEL": "tiny"}
    with embedded_site(tmp_path, HOST="::1", **folder) as site:
        assert f"Unmask is at http://[::1]:{site.env['PORT']}" in site.log.read_text()
        assert "Traceback" not in site.log.read_text()


def test_a_second_embedded_process_on_the_same_data_is_refused(site: Site) -> None:
    env = {**site.env, "PORT": environment(Path("unused"))["PORT"]}
    command = [sys.executable, "manage.py", "serve"]
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "already uses this data directory" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_taken_port_is_said_in_one_line(site: Site, tmp_path: Path) -> None:
    env = environment(tmp_path, PORT=site.env["PORT"])
    command = [sys.executable, "manage.py", "serve"]
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "Choose another port with PORT=" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "Unmask is at" not in done.stdout  # another server answers there
    assert "Traceback" not in done.stderr


def test_the_site_shape_is_ready_and_a_task_crosses_the_broker(served_site: Site) -> None:
    assert set(served_site.ready()["parts"].values()) == {"ok"}
    assert served_site.run(STATE) == "available"
    served_site.run(LOAD)
    wait_for(lambda: served_site.run(STATE) == "loaded", "loading", 40)


def test_a_loaded_model_left_its_vocabulary(served_site: Site) -> None:
    code = (
        "from inference.models import ModelEntry\nfrom inference.labels import labels\n"
        "e = ModelEntry.objects.get(slug='tiny')\n"
        "import json\n"
        "print(json.dumps([len(labels(e.vocabulary)), e.context, e.mask_id, e.family, e.device]))"
    )
    size, context, mask, family, device = served_site.run(code)
    assert size == mask + 2
    assert (context, family, device) == (160, "llada", "cpu")


def test_the_web_side_never_imports_torch(tmp_path: Path) -> None:
    """A process that has built the whole application knows neither torch nor transformers."""
    code = (
        "import config.asgi, config.server\nfrom django.urls import get_resolver\n"
        "get_resolver().url_patterns\n"
        "print(json.dumps(sorted({'torch', 'transformers', 'tokenizers'} & set(sys.modules))))"
    )
    site = {"REDIS_URL": "redis://127.0.0.1:1/0", "DATABASE_URL": "postgres://u@127.0.0.1:1/x"}
    env = environment(tmp_path, **site, SECRET_KEY="x" * 40)
    assert json.loads(_run(env, code)) == []


def test_contradictory_settings_stop_every_server(tmp_path: Path) -> None:
    env = environment(tmp_path, REDIS_URL="redis://127.0.0.1:1/0")
    for command in (["manage.py", "serve"], ["-m", "daphne", "config.asgi:application"]):
        done = subprocess.run(
            [sys.executable, *command], env=env, cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode != 0
        assert "unmask.E001" in done.stderr


def test_a_worker_of_its_own_is_refused_in_the_embedded_shape(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "celery", "-A", "config", "worker", "--pool=threads"]
    env = environment(tmp_path)
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert "Set REDIS_URL and DATABASE_URL" in done.stderr


def test_static_files_are_served_with_their_type_and_compressed(site: Site) -> None:
    request = Request(f"{site.url}/static/css/base.css", headers={"Accept-Encoding": "gzip"})
    with urlopen(request, timeout=20) as answer:
        assert answer.headers["Content-Type"].startswith("text/css")
        assert answer.headers["Content-Encoding"] == "gzip"
        assert "max-age" in answer.headers["Cache-Control"]
        assert b"{" in gzip.decompress(answer.read())
    status, body = site.get("/static/%2e%2e/secret_key")
    assert status == 404
    assert (Path(site.env["DATA_DIR"]) / "secret_key").read_text() not in body


def test_no_line_of_the_log_holds_what_users_write(site: Site) -> None:
    secret = "zebra-sonata"
    with connect(f"{site.socket_url}/ws") as client:
        for text in (
            json.dumps({"type": "initialize", "prompt": secret, "gen_length": 8}),
            json.dumps({"type": "initialize", "prompt": secret, "gen_length": "x"}),
            json.dumps({"type": secret}),
            f'{{"prompt": "{secret}"',
        ):
            client.send(text)
            client.recv(timeout=20)
    assert site.get(f"/nowhere?text={secret}")[0] == 404
    assert secret not in site.log.read_text()
