"""OpenMP's helpers spin for a short time only, unless the environment says otherwise."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

NAME = "GOMP_SPINCOUNT"
ENGINE = "import inference.engine.checkpoint"
SITE = "import django; django.setup(); import visualizer.worker.calibration"
BENCH = "import benchmarks.bench"


def _spins(code: str, **given: str) -> list[str]:
    """What the library itself says that it has read."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OMP", "GOMP"))}
    told = {"OMP_DISPLAY_ENV": "VERBOSE", "DJANGO_SETTINGS_MODULE": "tests.settings"}
    run = subprocess.run(
        [sys.executable, "-c", code], env=kept | told | given, capture_output=True, check=True
    )
    return re.findall(rf"{NAME} = '(\d+)'", run.stderr.decode())


@pytest.mark.skipif(sys.platform != "linux", reason="libgomp comes with torch for Linux")
@pytest.mark.parametrize("code", [ENGINE, SITE, BENCH])
def test_helpers_spin_for_a_short_time(code: str) -> None:
    assert set(_spins(code)) == {"3000"}


@pytest.mark.skipif(sys.platform != "linux", reason="libgomp comes with torch for Linux")
def test_the_environment_comes_first() -> None:
    assert set(_spins(ENGINE, **{NAME: "77"})) == {"77"}
