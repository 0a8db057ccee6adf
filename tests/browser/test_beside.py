"""Autoregressive beside diffusion in a browser: in step, repaired, judged by both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.inference.engine.causal.tiny import write_model
from tests.servers import Site, embedded_site
from tests.tiny import tiny_model

pytestmark = pytest.mark.timeout(200)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One model of each kind."""
    folder = tmp_path_factory.mktemp("beside")
    tiny_model(folder / "models" / "tiny", every_byte=True)
    write_model(folder / "models" / "letters", "llama")
    settings = {"DEFAULT_MODEL": "tiny", "ALLOW_GUESTS": "1", "SOCKETS_PER_USER": "50"}
    with embedded_site(folder, MODELS_DIR=str(folder / "models"), **settings) as site:
        yield site


def begun(page: Page, site: Site) -> None:
    """A page on which both models write eight tokens, the diffusion model two a pass."""
    page.goto(f"{site.url}/playground/beside/")
    page.get_by_label("Prompt").fill("hello wor")
    page.get_by_label("Autoregressive model").select_option("letters")
    page.get_by_label("Diffusion model").select_option("tiny")
    page.get_by_label("Tokens of each text").fill("8")
    page.get_by_label("Tokens of a diffusion pass").fill("2")
    page.get_by_role("button", name="Start both").click()


def test_both_kinds_in_step_then_repaired_and_judged(open_page: Any, site: Site) -> None:
    page: Page = open_page()
    begun(page, site)
    draft, canvas = page.locator("#side-causal"), page.locator("#side-masked")
    for side in (draft, canvas):
        expect(side.locator("[data-state]")).to_contain_text("Finished after")
    expect(page.locator("#pass-text")).to_have_text("pass 8 of 8")
    expect(draft.locator("[data-sums]")).to_contain_text("8 passes, 8 tokens: 1.00 a pass")
    expect(canvas.locator("[data-sums]")).to_contain_text("4 passes, 8 tokens: 2.00 a pass")
    page.locator("#pass").fill("2")
    expect(draft.locator(".written")).to_have_count(2)
    expect(canvas.locator(".written")).to_have_count(4)
    expect(canvas.locator(".open")).to_have_count(4)
    page.locator("#main").focus()
    page.keyboard.press("ArrowRight")
    expect(canvas.locator(".now")).to_have_count(2)
    expect(page.locator("#pass-text")).to_have_text("pass 3 of 8")
    size = page.locator("#beside-heat").evaluate("canvas => [canvas.width, canvas.height]")
    assert size == [8, 8]
    rows = page.locator("#scores tbody tr")
    expect(rows).to_have_count(2)
    page.get_by_label("less probable than").fill("0.99")
    page.get_by_role("button", name="Mask and fill").click()
    expect(page.locator("#repair-note")).to_contain_text("masked again and filled")
    expect(page.locator("#side-repair [data-state]")).to_contain_text("Finished after")
    expect(rows).to_have_count(3)
    page.get_by_label("A text of yours").fill("hello world")
    page.get_by_role("button", name="Score it both ways").click()
    expect(rows).to_have_count(4)
    expect(page.locator("[data-parts] h3")).to_have_text("Bits of surprise in your text")
    assert violations(page) == []
    address = page.url
    page.reload()
    expect(page.locator("#side-repair [data-state]")).to_contain_text("Finished after")
    page.goto(f"{site.url}/playground/beside/")
    expect(page.get_by_role("link", name="hello wor")).to_have_attribute(
        "href", address.removeprefix(site.url)
    )
    assert violations(page) == []


def test_what_is_refused_is_said(open_page: Any, site: Site) -> None:
    page: Page = open_page()
    begun(page, site)
    expect(page.locator("#side-causal [data-state]")).to_contain_text("Finished after")
    page.get_by_label("less probable than").fill("0.01")
    page.locator("#id_least").evaluate("field => { field.min = 0; field.step = 'any'; }")
    page.get_by_label("less probable than").fill("0.000000001")
    page.get_by_role("button", name="Mask and fill").click()
    expect(page.locator("#repair-note")).to_contain_text("No token of the draft is as doubtful")
