"""The page of models: a download that is watched, a load, and how it looks to everybody."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import violations
from tests.browser.house import housed
from tests.library.conftest import NAME
from tests.library.hub_server import Hub, hub_server, repository
from tests.library.model_server import ModelServer, model_server
from tests.servers import Site
from tests.tiny import tiny_model


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with hub_server() as server:
        files = repository(tiny_model(tmp_path_factory.mktemp("source") / "tiny"))
        files["model.safetensors"] += bytes(12 * 2**20)
        server.repositories[NAME] = files
        yield server


@pytest.fixture(scope="module")
def chat() -> Iterator[ModelServer]:
    with model_server() as server:
        yield server


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, hub: Hub, chat: ModelServer) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("models-page")
    tiny_model(folder / "roots" / "lab" / "deep" / "model")
    (folder / "models" / "bare").mkdir(parents=True)
    (folder / "models" / "bare" / "model.bin").write_bytes(b"x")
    backend = {"name": "chat", "kind": "vllm", "url": chat.url}
    settings = {
        "HF_ENDPOINT": hub.url,
        "MODEL_ROOTS": str(folder / "roots"),
        "REMOTE_BACKENDS": json.dumps([backend]),
    }
    with housed(folder, **settings) as running:
        yield running


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    context = browser.new_context(base_url=site.url, viewport={"width": 1440, "height": 900})
    made = context.new_page()
    made.set_default_timeout(20_000)
    errors: list[str] = []
    made.on("pageerror", lambda error: errors.append(str(error)))
    yield made
    context.close()
    assert errors == []


def test_a_download_is_watched_and_its_model_appears(page: Page, hub: Hub) -> None:
    hub.opened.clear()  # until the bar has been seen
    page.goto("/models/")
    page.get_by_label("Repository on the hub").fill(NAME)
    page.get_by_role("button", name="Download", exact=True).first.click()
    bar = page.get_by_role("progressbar", name=f"Download of {NAME}")
    expect(bar).to_have_attribute("aria-valuenow", "0")
    hub.pause = 0.02
    hub.opened.set()
    expect(bar).not_to_have_attribute("aria-valuenow", "0")
    hub.pause = 0.0
    expect(bar).to_have_count(0)
    expect(page.locator("#model-list")).to_contain_text(NAME)
    expect(page.locator("#model-list")).to_contain_text("the hub's cache")


def test_a_model_is_loaded_and_given_up(page: Page) -> None:
    page.goto("/models/")
    page.get_by_role("button", name="Load Small stories").click()
    button = page.get_by_role("button", name="Unload Small stories")
    row = page.locator("#live .model-row").filter(has=button)
    give_up = row.get_by_role("button")
    expect(give_up).to_be_visible()
    expect(row).to_contain_text("loaded in")
    give_up.click()
    expect(page.locator("#toasts")).to_contain_text("give the model up")


def test_a_directory_is_added_without_javascript(browser: Browser, site: Site) -> None:
    context = browser.new_context(base_url=site.url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/models/")
    page.get_by_label("Name of lab/deep/model").fill("lab/deep")
    page.get_by_role("button", name="Add lab/deep/model").click()
    expect(page.locator("main")).to_contain_text("On the list as lab/deep.")
    page.get_by_role("button", name="Take lab/deep off the list").click()
    expect(page.get_by_role("button", name="Add lab/deep/model")).to_be_visible()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390, 320])
def test_it_reads_well_everywhere(browser: Browser, site: Site, width: int, scheme: str) -> None:
    how: dict[str, Any] = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    context = browser.new_context(base_url=site.url, **how)
    page = context.new_page()
    page.goto("/models/")
    expect(page.locator("#model-list")).to_contain_text("chat:big/model")
    expect(page.locator("main")).to_contain_text("Left out")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for more in page.locator("summary.more").all():
        more.click()
    assert violations(page) == []
    context.close()
