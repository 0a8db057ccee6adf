"""The programs of docs/api.md, run as they stand against a served site."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import Site, wait_for

PAGE = Path(__file__).resolve().parents[2] / "docs" / "api.md"
PROGRAMS = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
ENDS = ("back at step 0", "run done after event")

pytestmark = [pytest.mark.servers, pytest.mark.timeout(240)]


@pytest.mark.parametrize("number", range(len(ENDS)))
def test_the_programs_of_the_tutorial_work(site: Site, number: int) -> None:
    wait_for(site.is_ready, "the site's model")
    program = PROGRAMS[number].replace("ws://localhost:8000", site.socket_url)
    assert site.socket_url in program
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr + done.stdout
    assert ENDS[number] in done.stdout


def test_every_program_has_an_expected_end() -> None:
    assert len(PROGRAMS) == len(ENDS)
