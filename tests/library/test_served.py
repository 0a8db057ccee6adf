"""Served processes: a download that outlives a killed one, and another Unmask as a backend."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.library.conftest import NAME
from tests.library.hub_server import Hub, hub_server, repository
from tests.library.model_server import model_server
from tests.servers import Site, embedded_site, wait_for
from tests.tiny import tiny_model

pytestmark = pytest.mark.servers
WEIGHTS = "model.safetensors"


class Program:
    """Asks a site with a token."""

    def __init__(self, site: Site, name: str = "ada") -> None:
        self._site, self.token = site, site.token(name)

    def ask(self, path: str, **body: Any) -> Any:
        """The JSON of an answer; a POST where there is a body."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        data = json.dumps(body).encode() if body else None
        with urlopen(Request(self._site.url + path, data, headers), timeout=60) as answer:
            return json.loads(answer.read())


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with hub_server() as server:
        server.repositories[NAME] = repository(tiny_model(tmp_path / "source"))
        server.repositories[NAME][WEIGHTS] += bytes(40 * 2**20)
        yield server


def test_a_download_goes_on_after_its_process_was_killed(tmp_path: Path, hub: Hub) -> None:
    models = {"MODELS_DIR": str(tmp_path / "models"), "HF_HOME": str(tmp_path / "home")}
    with embedded_site(tmp_path, HF_ENDPOINT=hub.url, **models) as site:
        program = Program(site)
        hub.pause = 0.01
        made = program.ask("/api/diffusion/downloads", repository=NAME)
        path = f"/api/diffusion/downloads/{made['id']}"
        wait_for(lambda: program.ask(path)["bytes_done"] > 4 * 2**20, "some megabytes")
        site.stop(signal.SIGKILL)
        hub.pause = 0.0
        site.start()
        wait_for(lambda: program.ask(path)["status"] == "done", "the end of the download")
        transfers = hub.ranges(WEIGHTS)
        starts = [int(one.removeprefix("bytes=").rstrip("-")) for one in transfers if one]
        assert starts
        assert min(starts) >= 4 * 2**20
        here = {row["id"]: row for row in program.ask("/api/diffusion/library")["models"]}
        assert here[NAME]["place"] == "the hub's cache"
        assert (tmp_path / "home" / "hub" / "models--lab--tiny").is_dir()


def test_another_unmask_and_a_chat_server_answer_for_a_site(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "near").mkdir()
    with embedded_site(tmp_path / "far") as far, model_server() as chat:
        backends = [
            {"name": "far", "kind": "unmask", "url": far.url, "key": far.token("near")},
            {"name": "chat", "kind": "vllm", "url": chat.url},
        ]
        settings = {"REMOTE_BACKENDS": json.dumps(backends)}
        with embedded_site(tmp_path / "near", **settings) as near:
            program = Program(near)
            listed = lambda: {one["id"] for one in program.ask("/v1/models")["data"]}  # noqa: E731
            wait_for(lambda: {"far:stories", "chat:big/model"} <= listed(), "the servers' models")
            asked = {"prompt": "Once upon a time", "max_tokens": 12, "seed": 3}
            there = Program(far).ask("/v1/completions", model="stories", **asked)
            here = program.ask("/v1/completions", model="far:stories", **asked)
            assert here["choices"][0]["text"] == there["choices"][0]["text"] != ""
            assert here["usage"] == there["usage"]
            body = {"prompt": "Once upon a time", "max_new_tokens": 12, "seed": 3}
            told = program.ask("/api/diffusion/generate", model="far:stories", **body)
            assert told["text"] == here["choices"][0]["text"]
            turns = [{"role": "user", "content": "hello"}]
            said = program.ask("/v1/chat/completions", model="chat:big/model", messages=turns)
            assert said["choices"][0]["message"]["content"] == "Once upon a time"
            began = time.monotonic()
            made = program.ask("/api/chat", model="chat:big/model", message="hello")
            assert "Once upon a time" in json.dumps(made)
            assert time.monotonic() - began < 30
