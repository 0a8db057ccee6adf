"""A page whose command no worker has taken up yet says how much is worked before it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.house import housed
from tests.browser.steps import action, live, start_example
from tests.browser.test_lab import begin
from tests.servers import Site

JOBS = 3


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site that works one task at a time."""
    with housed(tmp_path_factory.mktemp("narrow"), WORKER_THREADS="1") as site:
        yield site


def cancel(page: Page) -> None:
    page.get_by_role("button", name="Cancel").click()


def test_the_place_in_the_line_is_shown_and_goes(open_page: Open) -> None:
    page = open_page()
    start_example(page)
    live(page)
    others = [open_page() for _ in range(JOBS)]
    for other in others:
        begin(other, "0, 8, 7, 6, 5, 4, 3, 2", 200)  # more than is done before it is cancelled
    action(page, "run").click()
    pill = page.locator("#run-state")
    expect(pill).to_have_text(re.compile(rf"^Waiting, {JOBS} before it$"))
    expect(pill).to_have_attribute("data-state", "busy")
    for other in others:
        cancel(other)
    expect(pill).to_have_text("Done", timeout=60_000)
