"""Every class that a page uses has its rules in a style sheet that the page loads."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from visualizer.models import Session

ROOT = Path(__file__).resolve().parents[2] / "static" / "css"
COMMENTS = re.compile(r"/\*.*?\*/", re.DOTALL)
CLASS = re.compile(r"\.([a-zA-Z][\w-]*)")
SHEET = re.compile(r'href="[^"]*css/([\w-]+)(?:\.[0-9a-f]+)?\.css"')
USED = re.compile(r'\bclass="([^"]*)"')
PAGES = (
    "/", "/sessions/", "/learn/", "/learn/order-matters/", "/methods/", "/models/", "/generate/",
    "/infill/", "/decide/", "/durations/", "/chat/", "/training/", "/lab/", "/settings/",
    "/accounts/", "/playground/beside/", "/nowhere/",
)  # fmt: skip
OF_A_SESSION = ("", "compare/", "share/", "lesson/")


def rules() -> dict[str, set[str]]:
    """Sheet → the classes that it has rules for."""
    return {
        path.stem: set(CLASS.findall(COMMENTS.sub("", path.read_text())))
        for path in ROOT.glob("*.css")
    }


def lacking(client: Client, address: str) -> set[str]:
    """Classes of a page that only sheets have which it does not load."""
    page, known = client.get(address).content.decode(), rules()
    loaded = set().union(*(known[name] for name in SHEET.findall(page)))
    used = {name for names in USED.findall(page) for name in names.split()}
    assert "topbar" in used, address
    return used & set().union(*known.values()) - loaded


@pytest.mark.django_db
def test_pages_load_the_sheets_of_their_classes(
    play: Any,
    owner: User,
    owner_client: Client,
    session: Session,
) -> None:
    play(owner, session, type="forward_pass", visual_top_k=5)
    play(owner, session, type="apply_selection", selections={"4": 5})
    play(owner, session, type="note", text="look here")
    own = [f"/sessions/{session.pk}/{rest}" for rest in OF_A_SESSION]
    found = {page: lacking(owner_client, page) for page in (*PAGES, *own)}
    assert {page: names for page, names in found.items() if names} == {}
