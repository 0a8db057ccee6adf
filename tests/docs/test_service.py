"""What docs/service.md and docs/troubleshooting.md say is what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from config.api import api, openai
from core.http.openai.requests import ChatRequest, CompletionRequest
from inference.errors import ERROR_TYPES
from tests.openapi import document

DOCS = Path(__file__).resolve().parents[2] / "docs"
SERVICE = (DOCS / "service.md").read_text()
TROUBLE = (DOCS / "troubleshooting.md").read_text()
SEED = ("fix_punctuation", "auto_trim", "brings no events", "429", "memory")
"""Of the seed's five entries."""


def routes() -> list[str]:
    found = [*document(api)["paths"], *document(openai)["paths"]]
    return [path for path in found if path.startswith(("/api/diffusion/", "/v1/"))]


@pytest.mark.parametrize("path", routes())
def test_every_route_is_described(path: str) -> None:
    short = path.removeprefix("/api/diffusion/").removesuffix("/{id}")
    assert re.search(rf"`(GET |POST |DELETE )?{re.escape(short)}`", SERVICE), path


@pytest.mark.parametrize("name", ERROR_TYPES)
def test_every_type_of_error_has_its_status(name: str) -> None:
    row = next(
        line for line in SERVICE.splitlines() if line.startswith("|") and f"`{name}`" in line
    )
    assert str(ERROR_TYPES[name][1]) in row


def test_fields_that_the_page_names_exist() -> None:
    ours = ("recipe", "parameters", "steps", "tokens_per_step", "block_length", "top_k")
    assert set(ours) <= set(CompletionRequest.model_fields) & set(ChatRequest.model_fields)
    assert all(f"`{name}`" in SERVICE for name in ours)


def test_the_five_entries_of_the_seed_and_more() -> None:
    section = TROUBLE.partition("\n## The service\n")[2]
    rows = [line for line in section.splitlines() if line.startswith("| ")][2:]
    assert all(any(word in row for row in rows) for word in SEED)
    assert len(rows) > len(SEED)
    assert all(len(row.split("|")[2].strip()) > 10 for row in rows)
