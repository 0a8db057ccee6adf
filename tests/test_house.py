"""The shape of the house: short functions, short files, nothing of one machine in the tree."""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = (
    "config", "accounts", "core", "inference", "visualizer", "playground", "library",
    "benchmarks",
)  # fmt: skip
LONGEST_FUNCTION = 80
LONGEST_FILE = 400
MACHINE_PATH = re.compile(r"(^|[^A-Za-z0-9_.~-])/(tmp|work|root|home)/")


def sources() -> list[Path]:
    found = (path for room in PRODUCT for path in (ROOT / room).rglob("*.py"))
    return [path for path in found if "migrations" not in path.parts]


def functions() -> Iterator[tuple[str, int]]:
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                yield f"{path.relative_to(ROOT)}:{node.name}", length


def test_functions_are_short() -> None:
    lengths = sorted(length for _, length in functions())
    assert statistics.median(lengths) < 10
    assert lengths[int(0.9 * len(lengths))] < 35
    assert [name for name, length in functions() if length > LONGEST_FUNCTION] == []


def test_files_are_short() -> None:
    long = {str(p.relative_to(ROOT)): n for p in sources() if (n := _lines(p)) >= LONGEST_FILE}
    assert long == {}


def test_no_path_of_one_machine_in_the_tree() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode != 0:
        pytest.skip("needs git and a checkout")
    names = [name for name in listed.stdout.split("\n") if name.endswith(_TEXT)]
    guilty = [name for name in names if MACHINE_PATH.search((ROOT / name).read_text())]
    assert [name for name in guilty if name != "tests/test_house.py"] == []


_TEXT = (".py", ".md", ".html", ".js", ".css", ".toml", ".txt", ".json", "Makefile")


def _lines(path: Path) -> int:
    return path.read_text().count("\n")


NAMED = re.compile(
    r"\b((?:static|templates|visualizer|library|core|accounts|inference|config|docs)/[\w/-]+\.(?:py|js|html))\b"
)
WITHIN = (ROOT, ROOT / "templates", ROOT / "tests")
"""Templates and tests are named as their loaders name them."""


def test_files_that_comments_and_docs_name_exist() -> None:
    missing = {
        f"{path.relative_to(ROOT)}: {name}"
        for room in (*PRODUCT, "static", "templates", "docs", "tests")
        for path in (ROOT / room).rglob("*")
        if path.suffix in _TEXT
        for name in NAMED.findall(path.read_text())
        if not any((root / name).exists() for root in WITHIN)
    }
    assert missing == set()
