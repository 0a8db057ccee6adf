"""JavaScript and style sheets are formatted and linted by Biome (settings: biome.json)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.servers import lacking

ROOT = Path(__file__).resolve().parents[2]
LONGEST_LINE, LONGEST_FILE = 100, 250
SOURCES = sorted(
    path for folder in ("static/js", "tests/js") for path in (ROOT / folder).rglob("*.js")
)


def test_biome_has_nothing_to_say() -> None:
    biome = Path(sys.executable).parent / "biome"
    if not biome.exists():
        lacking("Biome (no wheel for this machine)")
    command = [str(biome), "check", "--colors=off", "static", "tests/js"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_lines_and_files_are_short() -> None:
    texts = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in SOURCES}
    assert texts
    long = [name for name, text in texts.items() if max(map(len, text.splitlines())) > LONGEST_LINE]
    assert long == []
    modules = {name: text for name, text in texts.items() if name.startswith("static/")}
    assert [name for name, text in modules.items() if text.count("\n") > LONGEST_FILE] == []
