"""Words on the pages: one for each thing. Old wordings do not come back.

Templates, scripts and the texts that views and selectors say are read as they stand.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[2]
PLACES = (
    ("templates", "*.html"),
    ("static/js", "*.js"),
    ("visualizer", "*.py"),
    ("accounts", "*.py"),
    ("core/http", "*.py"),
)
OLD = (
    "Recipe of Run",
    "Strategy of Auto-select",
    "Judge what is written",
    "would not write it any more",
    "Back to where work stands",
    "work stands at step",
    "What you do here begins",
    "branch branch",
    "Fill open places from it",
    "Bring back",
    "The record is a session of yours now",
    "They part at step",
    "by share of the way",
    "this page follows them",
    "tokens a pass",
    "ms a case",
    "cases in each row",
    "It opens the session",
    "until I revoke it",
    "only its fingerprint",
    "Please look at this",
    "Make the account",
    "What you made as a guest",
    "Like the system",
    "not yours to see",
    "positions × steps: best probability",
    "Press Forward pass to see what the model expects",
    "of the positions agree",
    "place to fill",
    "places to fill",
    "open places",
)
COMMENT = re.compile(r"^\s*(//|#|/?\*)|{#.*?#}")


def sources() -> list[Path]:
    found = [path for folder, kind in PLACES for path in (ROOT / folder).rglob(kind)]
    return [path for path in found if "migrations" not in path.parts]


def said(path: Path) -> str:
    """What a file may show: docstrings and comments are for those who work on it."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        text = re.sub(r'"""[\s\S]*?"""', "", text)
    return "\n".join(line for line in text.splitlines() if not COMMENT.match(line))


@pytest.mark.parametrize("old", OLD)
def test_an_old_wording_stands_nowhere(old: str) -> None:
    where = [path.relative_to(ROOT).as_posix() for path in sources() if old in said(path)]
    assert where == []


def test_what_is_read_is_what_is_shown() -> None:
    texts = "".join(said(path) for path in sources())
    for new in (
        "Decoding method",
        "Selection rule",
        "Back to latest",
        "Please fix:",
        "Link expires",
    ):
        assert new in texts
