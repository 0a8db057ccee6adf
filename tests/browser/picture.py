"""Takes the picture of the README: `python -m tests.browser.picture docs/workspace.png`.

The shipped story model has just finished a run; one of its tokens is chosen.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.steps import CELLS, choose, live
from tests.chromium import chromium
from tests.servers import embedded_site

SIZE: ViewportSize = {"width": 1440, "height": 900}
CHOSEN = 21


def take(path: Path) -> None:
    """Write the picture there, in light colours, as PNG."""
    settings = {"ALLOW_GUESTS": "1", "DEFAULT_MODEL": "stories"}
    with (
        tempfile.TemporaryDirectory() as folder,
        embedded_site(Path(folder), **settings) as site,
        chromium() as browser,
    ):
        page = browser.new_page(base_url=site.url, viewport=SIZE, color_scheme="light")
        _run_a_story(page)
        page.screenshot(path=path)


def _run_a_story(page: Page) -> None:
    page.goto("/?model=stories")
    page.locator(".landing form:has(#id_prompt) [name=run_example]").first.click()
    page.wait_for_url("**/sessions/*-*/**")
    live(page)
    expect(page.locator("#run-state")).to_have_text("Done", timeout=60_000)
    choose(page, CHOSEN)
    expect(page.locator("#inspector .candidate").first).to_be_visible()
    page.locator(CELLS).nth(CHOSEN).evaluate("cell => cell.blur()")


if __name__ == "__main__":
    take(Path(sys.argv[1]))
