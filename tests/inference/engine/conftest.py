"""Fixtures of the engine's tests: the recorded runs, and tiny models that are built once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from inference.engine.checkpoint import LoadedModel
from tests.inference.engine.models import load_tiny

torch.set_num_threads(1)
FIXTURES = Path(os.environ.get("FIXTURES_DIR", Path(__file__).parents[4] / "shared" / "fixtures"))


@pytest.fixture(scope="session")
def fixtures_dir() -> Path:
    """The folder of recorded runs; a test that needs it is skipped where it is not there."""
    if not (FIXTURES / "index.json").is_file():
        pytest.skip("the recorded runs (../shared/fixtures, or FIXTURES_DIR) are not here")
    return FIXTURES


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], LoadedModel]:
    """name of a config → its tiny random model, loaded once."""
    loaded: dict[str, LoadedModel] = {}

    def load(name: str) -> LoadedModel:
        if name not in loaded:
            loaded[name] = load_tiny(tmp_path_factory.mktemp(name), name)
        return loaded[name]

    return load
