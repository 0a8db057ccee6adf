"""Fixtures of all tests. Access tests have an owner, a friend and a stranger."""

from __future__ import annotations

import io
import logging
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.test import Client
from hypothesis import settings as hypothesis_settings

from accounts import rate_limits
from config.logs import configure
from core.jobs import dispatch
from tests.servers import Site, full_site, postgres_server, redis_server
from tests.tiny import tiny_model
from tests.visualizer.served import serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# How long an example takes says more about the machine's other work than about the code.
hypothesis_settings.register_profile("untimed", deadline=None)
hypothesis_settings.load_profile("untimed")

# A shell lets what it starts in the background ignore Ctrl-C; the servers of the tests must not.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Instead of any `--dist`: whoever needs the same servers runs on the same worker."""
    from tests.sharing import Sharing

    return Sharing(config, log)


@pytest.fixture(autouse=True)
def _unhurried() -> None:
    """What other tests have asked counts for nobody here."""
    rate_limits.reset()


def _user(name: str) -> User:
    return get_user_model().objects.create_user(name, password="long-test-password")


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """The tasks that were sent, instead of a broker."""
    tasks: list[tuple[str, Any]] = []
    monkeypatch.setattr(dispatch, "send", lambda task, argument: tasks.append((task, argument)))
    return tasks


@pytest.fixture
def owner(db: None) -> User:
    """Whoever made the thing that is looked at."""
    return _user("owner")


@pytest.fixture
def friend(db: None) -> User:
    """Somebody with whom it may be shared."""
    return _user("friend")


@pytest.fixture
def stranger(db: None) -> User:
    """Somebody who must not see it."""
    return _user("stranger")


@pytest.fixture
def owner_client(owner: User) -> Client:
    client = Client()
    client.force_login(owner)
    return client


@pytest.fixture
def stranger_client(stranger: User) -> Client:
    client = Client()
    client.force_login(stranger)
    return client


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A MODELS_DIR with two tiny random models, `tiny` and `lab/tiny-2`."""
    root = tmp_path_factory.mktemp("models")
    tiny_model(root / "tiny", seed=0)
    tiny_model(root / "lab" / "tiny-2", seed=2)
    return root


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The embedded shape, served for real, with limits that tests can reach; one for the run."""
    limits = {"SOCKETS_PER_USER": "4", "SOCKET_BURST": "60", "SOCKET_RATE": "5"}
    with serving(tmp_path_factory.mktemp("served"), **limits) as process:
        yield process


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with redis_server() as url:
        yield url


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    with postgres_server() as url:
        yield url


@pytest.fixture(scope="session")
def served_site(
    tmp_path_factory: pytest.TempPathFactory, models_dir: Path, redis_url: str, postgres_url: str
) -> Iterator[Site]:
    """The site shape with Redis, PostgreSQL and one worker; one for the whole run."""
    folder = tmp_path_factory.mktemp("site")
    settings = {"MODELS_DIR": str(models_dir), "DEFAULT_MODEL": "tiny", "ALLOW_GUESTS": "1"}
    with full_site(folder, redis_url, postgres_url, **settings) as site:
        yield site


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, for the pages and for the JavaScript modules alone."""
    from tests.chromium import chromium

    with chromium() as running:
        yield running


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Everything that would be written, at the most talkative level."""
    described = configure("DEBUG")["formatters"]["json"]
    options = {key: value for key, value in described.items() if key != "()"}
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(**options))
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield written
    root.removeHandler(handler)
    root.setLevel(before)
