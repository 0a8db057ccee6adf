"""A hub of the tests' own, with one small model in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inference import registry
from tests.library.hub_server import Hub, hub_server, repository
from tests.tiny import tiny_model

NAME = "lab/tiny"


@pytest.fixture
def hub(tmp_path: Path, settings: Any) -> Iterator[Hub]:
    """The site asks this hub, and keeps what it gets in an empty cache."""
    settings.HUB_CACHE = tmp_path / "hub"
    settings.MODELS_DIR = tmp_path / "models"
    with hub_server() as server:
        settings.HUB_ENDPOINT = server.url
        server.repositories[NAME] = repository(tiny_model(tmp_path / "source"))
        server.licences[NAME] = "mit"
        yield server


@pytest.fixture
def listed(db: None) -> None:
    registry.sync_models()
