"""One page too many: the server lets its socket in and sends it away at once, time and again."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.house import housed
from tests.browser.steps import action, run_to_the_end, start_example
from tests.servers import Site


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site that has one place for each account."""
    with housed(tmp_path_factory.mktemp("crowded"), SOCKETS_PER_USER="1") as site:
        yield site


def test_a_page_too_many_says_so_and_waits_ever_longer(page: Page) -> None:
    start_example(page)
    other = page.context.new_page()
    other.goto(page.url)
    pill = other.locator("#connection")
    expect(pill).to_contain_text(re.compile("try [3-9]"))
    expect(pill).to_have_attribute("data-connection", "crowded")
    expect(other.locator("#banner")).to_contain_text("Too many pages are open at once")
    expect(other.locator("#banner")).to_contain_text("Retry now")
    expect(action(other, "run")).to_have_attribute("aria-disabled", "true")
    page.close()
    expect(pill).to_have_attribute("data-connection", "live", timeout=60_000)
    expect(other.locator("#banner")).to_be_empty()
    run_to_the_end(other)
