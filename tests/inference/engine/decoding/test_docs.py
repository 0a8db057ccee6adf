"""docs/decoding.md has one heading for everything that can be chosen, and none too many."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference import catalog
from inference.catalog.docs import with_facts

DOCS = Path(__file__).parents[4] / "docs" / "decoding.md"
TABLES = {
    "Recipes": catalog.RECIPES,
    "Scores": catalog.SCORES,
    "Quotas": catalog.QUOTAS,
    "Draws": catalog.DRAWS,
    "Rankings": catalog.RANKINGS,
}


def _headings(section: str) -> list[str]:
    body = DOCS.read_text(encoding="utf-8").split(f"\n## {section}\n")[1].split("\n## ")[0]
    return [line.removeprefix("### ") for line in body.splitlines() if line.startswith("### ")]


@pytest.mark.parametrize("section", list(TABLES))
def test_headings_are_the_catalogs_names(section: str) -> None:
    assert _headings(section) == list(TABLES[section])


def test_sources_and_parameters_are_those_of_the_table() -> None:
    """`python manage.py decoding_docs --write docs/decoding.md` brings them up to date."""
    text = DOCS.read_text(encoding="utf-8")
    assert with_facts(text) == text


def test_every_family_has_a_row() -> None:
    text = DOCS.read_text(encoding="utf-8")
    assert [name for name in catalog.FAMILIES if f"\n| {name} |" not in text] == []
