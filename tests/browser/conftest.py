"""The site that the browser looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, StorageState, expect

from tests.browser.house import housed
from tests.servers import Site

Open = Callable[..., Page]


expect.set_options(timeout=20_000)  # a busy machine may stand still for a while


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of this folder are marked."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with housed(tmp_path_factory.mktemp("house")) as site:
        yield site


@pytest.fixture
def open_page(browser: Browser, house: Site) -> Iterator[Open]:
    """open_page(width=…, color_scheme=…, java_script_enabled=…) → a page of a fresh visitor.

    A script error on any of them fails the test.
    """
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def begin(width: int = 1440, height: int = 900, **options: Any) -> Page:
        viewport: Any = {"width": width, "height": height}
        contexts.append(browser.new_context(viewport=viewport, base_url=house.url, **options))
        page = contexts[-1].new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        return page

    yield begin
    for context in contexts:
        for page in context.pages:  # a question that is still on its way is nobody's error
            page.unroute_all(behavior="ignoreErrors")
        context.close()
    assert errors == []


@pytest.fixture
def page(open_page: Open) -> Page:
    return open_page()


@dataclass(frozen=True)
class Kept:
    """Where something stands that several tests only look at, and the cookies of its owner."""

    url: str
    state: StorageState


@pytest.fixture(scope="module")
def keep(browser: Browser, house: Site) -> Iterator[Callable[..., Kept]]:
    """keep(make, width=…) → what `make` leaves on the page of a visitor of its own."""
    made: list[BrowserContext] = []

    def begin(make: Callable[[Page], Any], width: int = 1440) -> Kept:
        viewport: Any = {"width": width, "height": 900}
        made.append(browser.new_context(viewport=viewport, base_url=house.url))
        page = made[-1].new_page()
        page.set_default_timeout(20_000)
        make(page)
        kept = Kept(page.url, made[-1].storage_state())
        page.close()
        return kept

    yield begin
    for context in made:
        context.close()
