"""Every line of the check-list names the tests that show it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.checklist import CHECKLIST
from tests.checklist_playground import PLAYGROUND

TESTS = Path(__file__).resolve().parent
TABLE = CHECKLIST | PLAYGROUND
IDS = [f"V{n}" for n in range(1, 64)] + [f"T{n}" for n in range(1, 27)]
IDS += [f"D{n}" for n in range(1, 35)]


def names_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return {node.name for node in ast.walk(tree) if isinstance(node, kinds)}


CHAT = {f"C{n}" for n in range(1, 11)} | {f"P{n}" for n in range(1, 47)}
"""Chat and playground: not all of their lines are shown yet."""


def test_the_table_has_every_id_and_no_other() -> None:
    assert sorted(CHECKLIST) == sorted(IDS)
    assert PLAYGROUND.keys() <= CHAT


@pytest.mark.parametrize("id", [*IDS, *PLAYGROUND])
def test_every_id_names_tests_that_exist(id: str) -> None:
    assert TABLE[id]
    for reference in TABLE[id]:
        file, name = reference.split("::")
        assert name in names_in(TESTS / file), reference
