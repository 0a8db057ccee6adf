"""A page whose command no worker has taken up yet says how much is worked before it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.house import housed
from tests.browser.steps import action, live, soon, start_example
from tests.browser.test_lab import begin
from tests.servers import Site

JOBS = 3
WRITE_DOWN = """() => {
  window.said = [];
  const look = () => {
    const pill = document.querySelector("#run-state");
    if (pill) window.said.push(`${pill.dataset.state}: ${pill.textContent.trim()}`);
  };
  new MutationObserver(look).observe(document.body,
    { subtree: true, attributes: true, childList: true, characterData: true });
}"""


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
    page.evaluate(WRITE_DOWN)
    action(page, "run").click()
    waiting = f"busy: Waiting, {JOBS} before it"
    soon(page, lambda: waiting in page.evaluate("window.said"), True)  # it may be gone by now
    for other in others:
        cancel(other)
    expect(page.locator("#run-state")).to_have_text("Done", timeout=60_000)
