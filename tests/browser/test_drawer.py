"""The token playground's drawer in a browser: every button, every key, every state."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.steps import soon
from tests.inference.engine.causal.tiny import CONTEXT, write_model
from tests.servers import Site, embedded_site
from tests.tiny import tiny_model

pytestmark = pytest.mark.timeout(200)
OPEN = "[data-drawer]"
BARS = "#drawer [data-side]:first-of-type [data-bars]:not([aria-busy]) button"
"""Of the distribution that counts: while the next one is on its way the former stays, busy."""
TOKENS = "#drawer [data-side]:first-of-type .token"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One model that denoises, and one that writes from left to right."""
    folder = tmp_path_factory.mktemp("drawer")
    tiny_model(folder / "models" / "tiny")
    write_model(folder / "models" / "letters", "llama")
    settings = {"DEFAULT_MODEL": "tiny", "ALLOW_GUESTS": "1", "SOCKETS_PER_USER": "50"}
    with embedded_site(folder, MODELS_DIR=str(folder / "models"), **settings) as site:
        yield site


@pytest.fixture
def drawer(open_page: Any, site: Site) -> Page:
    """A page on which the drawer has just been opened, with the small model chosen."""
    page: Page = open_page()
    page.goto(f"{site.url}/sessions/")
    page.locator(OPEN).click()
    expect(page.get_by_role("dialog", name="Token Playground")).to_be_visible()
    page.locator("[data-model]").select_option("letters")
    return page


def type_in(page: Page, text: str = "hello wor") -> None:
    page.locator("[data-input]").fill(text)
    expect(page.locator(BARS)).to_have_count(10)


def shown(page: Page) -> list[str]:
    return page.locator(f"{BARS} .name").all_inner_texts()


def away(page: Page) -> None:
    """The focus where keys are the drawer's."""
    page.get_by_label("Generated output", exact=True).focus()


def test_it_slides_in_from_the_right_and_out_again(drawer: Page) -> None:
    panel = drawer.locator(".drawer-panel")
    box = panel.bounding_box()
    assert box is not None
    assert round(box["width"]) == 480  # it may still be sliding
    expect(drawer.locator("[data-play]")).to_be_disabled()
    expect(drawer.locator("[data-step]")).to_be_disabled()
    expect(drawer.locator("[data-status]")).to_have_text("Type something to get started...")
    assert violations(drawer) == []
    drawer.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    drawer.locator(OPEN).click()
    expect(panel).to_be_visible()
    drawer.locator(".drawer-backdrop").click(position={"x": 20, "y": 200})
    expect(panel).to_be_hidden()


def test_what_is_taken_is_what_the_bars_show(drawer: Page) -> None:
    type_in(drawer)
    away(drawer)
    drawer.keyboard.press("ArrowDown")
    drawer.keyboard.press("ArrowDown")
    expect(drawer.locator(f"{BARS}.highlighted")).to_have_count(1)
    wanted = shown(drawer)[2]
    drawer.keyboard.press("Enter")
    expect(drawer.locator(TOKENS)).to_have_count(1)
    name = {"(space)": " "}.get(wanted, wanted)
    assert drawer.locator(TOKENS).text_content() == name
    expect(drawer.locator(BARS)).to_have_count(10)
    top = shown(drawer)[0]
    drawer.locator("[data-step]").click()
    expect(drawer.locator(TOKENS)).to_have_count(2)
    last = drawer.locator(TOKENS).last.text_content()
    assert last == {"(space)": " "}.get(top, top)


def test_playing_takes_the_top_token_and_pauses_by_space(drawer: Page) -> None:
    type_in(drawer)
    drawer.locator("[data-speed]").fill("100")
    away(drawer)
    drawer.keyboard.press(" ")
    expect(drawer.locator("[data-status]")).to_have_text("Playing")
    expect(drawer.locator(".cursor")).to_be_visible()
    expect(drawer.locator(TOKENS).nth(3)).to_be_attached()
    drawer.keyboard.press(" ")
    expect(drawer.locator("[data-pause]")).to_be_disabled()
    count = drawer.locator(TOKENS).count()
    drawer.wait_for_timeout(500)
    assert drawer.locator(TOKENS).count() <= count + 1
    drawer.locator("[data-regenerate]").click()
    expect(drawer.locator(TOKENS)).to_have_count(0)
    type_in(drawer, "hell")
    expect(drawer.locator(TOKENS)).to_have_count(0)


def test_an_earlier_token_shows_its_alternatives_and_branches(drawer: Page) -> None:
    type_in(drawer)
    for count in (1, 2, 3):
        drawer.locator("[data-step]").click()
        expect(drawer.locator(TOKENS)).to_have_count(count)
        expect(drawer.locator(BARS)).to_have_count(10)
    drawer.locator(TOKENS).nth(1).click()
    expect(drawer.locator(TOKENS)).to_have_count(1)
    expect(drawer.locator(f"{BARS} .mark").first).to_have_text("✓")
    expect(drawer.locator("[data-rest]").first).to_contain_text("everything else")
    wanted = shown(drawer)[4]
    drawer.locator(BARS).nth(4).click()
    expect(drawer.locator(TOKENS)).to_have_count(2)
    assert drawer.locator(TOKENS).last.text_content() == {"(space)": " "}.get(wanted, wanted)


def test_what_the_model_does_not_see_is_dimmed(drawer: Page) -> None:
    type_in(drawer, "x" * 150)
    expect(drawer.locator("[data-counter]")).to_have_text(f"150 chars (last {CONTEXT} in context)")
    outside = drawer.locator("#drawer .outside")
    expect(outside).to_have_text("x" * (150 - CONTEXT))
    expect(outside).to_have_css("opacity", "0.4")
    drawer.locator("[data-clear]").click()
    expect(drawer.locator("[data-counter]")).to_have_text("0 chars (0 in context)")


def answers(page: Page, status: int, error: str) -> None:
    body = {"error": error, "type": "error", "message": error, "error_type": "validation"}
    page.route("**/api/generate-next-token", lambda route: route.fulfill(status=status, json=body))


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (404, "Session not found", "⚠️ Train a model first"),
        (400, "Model not initialized", "⚠️ Model initializing, try again"),
        (400, "Unknown characters: ['w']", "Unknown characters: ['w']"),
        (500, "Generation failed: out of memory", "Generation failed: out of memory"),
    ],
)
def test_errors_are_told_and_pause(drawer: Page, status: int, error: str, words: str) -> None:
    answers(drawer, status, error)
    drawer.locator("[data-input]").fill("hello wor")
    expect(drawer.locator("[data-status]")).to_have_text(words)
    if status == 500:
        expect(drawer.locator(".toast-error")).to_contain_text(words)
    if "Unknown" in error:
        expect(drawer.locator("#drawer .unknown")).to_have_text("w")
    expect(drawer.locator("[data-pause]")).to_be_disabled()


def test_a_model_that_is_being_loaded_says_so_and_the_bars_fill_by_themselves(drawer: Page) -> None:
    held: list[Any] = []
    told = {"state": "loading", "words": "Loading letters: 40%."}
    drawer.route("**/api/generate-next-token", lambda route: held.append(route))
    drawer.route("**/playground/drawer/letters/", lambda route: route.fulfill(json=told))
    drawer.locator("[data-input]").fill("hello wor")
    status = drawer.locator("[data-status]")
    expect(status).to_have_text(told["words"])
    late = {"type": "error", "error_type": "timeout", "message": "late", "error": "late"}
    with drawer.expect_request("**/api/generate-next-token"):
        held.pop().fulfill(status=504, json=late)
    soon(drawer, lambda: len(held), 1)  # it is told of before it is held
    expect(status).to_have_text(told["words"])
    drawer.unroute("**/api/generate-next-token")
    held.pop().continue_()
    expect(drawer.locator(BARS)).to_have_count(10)
    expect(status).to_have_text("Ready")


def test_hostile_text_is_text(drawer: Page) -> None:
    type_in(drawer, "<img src=x onerror='window.hacked=1'>")
    output = drawer.get_by_label("Generated output", exact=True)
    expect(output).to_contain_text("<img src=x")
    assert drawer.evaluate("window.hacked") is None


def test_the_drawer_comes_with_its_limits(drawer: Page) -> None:
    speed = drawer.locator("[data-speed]")
    for name, value in (("min", "100"), ("max", "2000"), ("value", "500")):
        expect(speed).to_have_attribute(name, value)
    expect(drawer.locator("[data-most]")).to_have_attribute("data-most", "500")
    expect(drawer.locator("[data-model]")).to_contain_text("letters")


def test_the_length_is_limited(open_page: Any, site: Site) -> None:
    page: Page = open_page()

    def shorter(route: Any) -> None:
        answer = route.fetch()
        route.fulfill(
            response=answer, body=answer.text().replace('data-most="500"', 'data-most="3"')
        )

    page.route("**/playground/drawer/", shorter)
    page.goto(f"{site.url}/sessions/")
    page.locator(OPEN).click()
    page.locator("[data-model]").select_option("letters")
    type_in(page)
    page.locator("[data-speed]").fill("100")
    page.locator("[data-play]").click()
    expect(page.locator("[data-status]")).to_have_text("✓ Reached max length (3 tokens)")
    expect(page.locator(TOKENS)).to_have_count(3)
    expect(page.locator("[data-play]")).to_be_disabled()


def test_a_request_that_takes_too_long_pauses(drawer: Page) -> None:
    type_in(drawer)
    drawer.route("**/api/generate-next-token", lambda route: None)
    drawer.locator("[data-play]").click()
    expect(drawer.locator(".toast-error")).to_have_text("Request timed out×")
    expect(drawer.locator("[data-pause]")).to_be_disabled()


def test_keys_in_the_text_are_the_text_s(drawer: Page) -> None:
    type_in(drawer, "hello")
    drawer.locator("[data-input]").focus()
    drawer.keyboard.press("End")
    drawer.keyboard.press(" ")
    drawer.keyboard.press("Enter")
    expect(drawer.locator("[data-input]")).to_have_value("hello \n")
    expect(drawer.locator(TOKENS)).to_have_count(0)


def test_leaving_the_tab_pauses(drawer: Page) -> None:
    type_in(drawer)
    drawer.locator("[data-play]").click()
    expect(drawer.locator("[data-status]")).to_have_text("Playing")
    drawer.evaluate(
        "Object.defineProperty(document, 'hidden', { value: true, configurable: true });"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )
    expect(drawer.locator("[data-status]")).to_contain_text("⚠️ Switch back to Sessions")
    expect(drawer.locator("[data-pause]")).to_be_disabled()


def test_without_a_model_it_says_so(drawer: Page, site: Site) -> None:
    body = drawer.request.get(f"{site.url}/playground/drawer/").text()
    assert "letters" in body
    site.run(
        "from inference.models import ModelEntry; "
        "print(ModelEntry.objects.filter(kind='autoregressive').update(state='absent'))"
    )
    drawer.reload()
    drawer.locator(OPEN).click()
    words = "⚠️ No model trained. Train a model in any tab first."
    expect(drawer.locator("#drawer [data-empty]")).to_have_text(words)
    expect(drawer.locator("[data-play]")).to_be_disabled()
