"""The modules of static/js on a blank page: no server, no Django, files served from the disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route

ROOT = Path(__file__).resolve().parents[2]
ORIGIN = "http://modules.test"
KINDS = {".js": "text/javascript", ".json": "application/json", ".html": "text/html"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of this folder are marked."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


BLANK = "<!doctype html><title>blank</title><body></body>"


def serve(route: Route) -> None:
    """A file of static/ or tests/; the root is a blank page, everything else is not there."""
    path = route.request.url.removeprefix(ORIGIN).split("?")[0]
    file = ROOT / path.lstrip("/")
    if path == "/":
        route.fulfill(body=BLANK, content_type="text/html")
    elif path.startswith(("/static/", "/tests/")) and file.is_file():
        route.fulfill(body=file.read_bytes(), content_type=KINDS.get(file.suffix, "text/plain"))
    else:
        route.fulfill(status=404)


@pytest.fixture
def blank(browser: Browser) -> Iterator[Page]:
    """A blank page from which every module can be imported; a script error fails the test."""
    context = browser.new_context()
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.route("**/*", serve)
    page.goto(f"{ORIGIN}/")
    yield page
    context.close()
    assert errors == []
