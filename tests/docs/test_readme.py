"""Every command that the README names is one that its parser takes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    ROOT / "README.md",
    *(ROOT / "docs").glob("*.md"),
    *ROOT.glob("inference/shipped/*/README.md"),
]
COMMAND = re.compile(r"manage\.py ([a-z_]+)((?: [^`|\n#]+)?)")
COMMANDS = sorted({found for page in PAGES for found in COMMAND.findall(page.read_text())})
OURS = {name for name, app in get_commands().items() if not app.startswith("django.")}


@pytest.mark.parametrize(("name", "arguments"), COMMANDS)
def test_it_can_be_typed_as_it_stands(name: str, arguments: str) -> None:
    words = shlex.split(arguments.rstrip(" .,)(:;"))
    parser = load_command_class(get_commands()[name], name).create_parser("manage.py", name)
    parser.parse_args(words)


def test_there_are_some() -> None:
    assert {name for name, _ in COMMANDS} & OURS
