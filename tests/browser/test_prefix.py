"""A site below a path of its host, behind nginx: nothing that a page asks for lies outside."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.house import housed
from tests.browser.steps import live, run_to_the_end
from tests.proxies import nginx
from tests.servers import Site

PREFIX = "/unmask"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with housed(tmp_path_factory.mktemp("below"), PATH_PREFIX=PREFIX) as site:
        yield site


@pytest.fixture(params=["passed on", "cut off"])
def address(request: pytest.FixtureRequest, site: Site) -> Iterator[str]:
    with nginx(int(site.env["PORT"]), PREFIX, cut=request.param == "cut off") as port:
        yield f"http://127.0.0.1:{port}{PREFIX}/"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


def test_a_session_runs_below_a_path(page: Page, address: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url))
    page.goto(address)
    page.locator("[data-example]").first.click()
    page.locator("#start").click()
    page.wait_for_url(f"{address}sessions/*-*/**")
    live(page)
    run_to_the_end(page)
    page.reload()
    live(page)
    page.goto(f"{address}nowhere")
    page.get_by_role("link", name="Your sessions").click()
    expect(page).to_have_url(f"{address}sessions/")
    page.locator("a.brand").click()
    expect(page).to_have_url(address)
    outside = [url for url in asked if not urlsplit(url).path.startswith(f"{PREFIX}/")]
    assert [url for url in outside if not url.startswith("data:")] == []
