"""docs/troubleshooting.md says of each error what inference/errors.py says."""

from __future__ import annotations

import re
from pathlib import Path

from accounts.origins import origin_problem
from config.env import Env
from inference.errors import ERROR_TYPES

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(\w+)` \| (\d+) \| (yes|no) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def test_every_error_type_has_a_row_and_no_other() -> None:
    told = {name: (again == "yes", int(status), meaning) for name, status, again, meaning, _ in
            ROW.findall(PAGE)}  # fmt: skip
    assert told == ERROR_TYPES


def test_what_to_do_leads_to_an_entry_that_is_there() -> None:
    entries = set(re.findall(r"^\*\*(.+?)\.?\*\*", PAGE, re.MULTILINE))
    named = {name for row in ROW.findall(PAGE) for name in re.findall(r"\*(.+?)\*", row[4])}
    assert {name for one in named for name in re.split(r", ", one)} <= entries


def test_reasons_of_refused_sockets_are_those_that_are_told() -> None:
    asked = [
        (None, "elsewhere.example", False),
        ("http://elsewhere.example", "localhost:8000", False),
        ("https://localhost:8000", "localhost:8000", False),
        (None, "localhost:8000", True),
    ]
    for origin, host, by_cookie in asked:
        assert f"| {origin_problem(origin, host, by_cookie)} |" in PAGE


def test_settings_that_it_names_are_read_by_the_site() -> None:
    named = set(re.findall(r"`([A-Z]+_?[A-Z_]*)(?:=[^`]*)?`", PAGE))
    assert named
    assert named <= set(Env.model_fields) | {"GOMP_SPINCOUNT"}  # OpenMP reads that one
