"""Trainings in the browser: begun, watched live, paused, lengthened, asked at every moment."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import Kept, Open

LONG = 90_000


def begin(page: Page, steps: int, kind: str = "characters") -> None:
    """A tiny training on the small stories."""
    page.goto("/training/")
    page.locator(f"input[name=kind][value={kind}]").check()
    page.locator("#id_corpus").select_option("stories")
    page.locator("#id_preset").select_option("tiny")
    page.locator("#id_steps").fill(str(steps))
    page.locator("summary", has_text="Name, prompt and numbers").click()
    for name, value in (("width", "16"), ("context", "16"), ("batch_size", "4"), ("heads", "2")):
        page.locator(f"#id_{name}").fill(value)
    page.get_by_role("button", name="Train", exact=True).click()
    page.wait_for_url(re.compile(r"/training/[0-9a-f-]{36}/$"))


def words(page: Page, text: str) -> None:
    expect(page.locator("span[data-words]")).to_have_text(text, timeout=LONG)


def test_a_training_is_watched_to_its_end_and_asked(page: Page) -> None:
    begin(page, 40)
    words(page, "finished")
    assert page.locator("[data-step]").inner_text() == "40"
    expect(page.locator("[data-chart] canvas")).to_be_visible()
    expect(page.locator("[data-samples] li")).to_have_count(24)
    page.locator("summary", has_text="As a table").click()
    expect(page.locator("[data-table] tr").last.locator("td").first).to_contain_text("–40")
    spans = page.locator("[data-table] tr td:first-child").all_inner_texts()
    ends = [tuple(map(int, span.split("–"))) for span in spans]
    covered = [step for first, last in ends for step in range(first, last + 1)]
    assert covered == list(range(1, 41))  # every step once, though nothing was loaded again
    assert violations(page) == []

    page.locator("#id_length").fill("8")
    page.get_by_role("button", name="Ask all moments").click()
    answers = page.locator("[data-answer-of]")
    expect(answers).to_have_count(24, timeout=LONG)
    slider = page.locator("[data-moment]")
    expect(page.locator("[data-moment-words]")).to_have_text("step 40")
    slider.focus()
    page.keyboard.press("Home")
    expect(page.locator("[data-moment-words]")).to_have_text("step 0")
    expect(page.locator(".is-shown")).to_have_attribute("data-answer-of", "0")
    assert violations(page) == []

    page.goto("/chat/")
    expect(page.locator("#id_model option", has_text="character gpt")).to_have_count(1)


def test_pause_go_on_and_longer(page: Page) -> None:
    begin(page, 20_000)
    words(page, "training")
    expect(page.locator("[data-step]")).not_to_have_text("0", timeout=LONG)
    page.get_by_role("button", name="Pause").press("Enter")
    words(page, "paused")
    expect(page.locator(".training-buttons :focus")).to_be_visible()  # not lost with its button
    page.get_by_role("button", name="Resume").click()
    words(page, "training")
    page.get_by_role("button", name="Stop and keep").click()
    words(page, "stopped")
    step = int(page.locator("[data-step]").inner_text())
    page.locator("#id_more").fill("10")
    page.get_by_role("button", name="Go on", exact=True).click()
    words(page, "finished")
    assert int(page.locator("[data-step]").inner_text()) == step + 10


def test_a_diffusion_model_opens_in_the_workspace(page: Page) -> None:
    begin(page, 10, kind="diffusion")
    words(page, "finished")
    page.locator("#id_length").fill("6")
    page.get_by_role("button", name="Ask all moments").click()
    frame = page.locator("[data-frame]")
    expect(frame).to_have_attribute("max", "5", timeout=LONG)
    frame.focus()
    page.keyboard.press("Home")
    expect(page.locator("[data-frame-words]")).to_have_text("pass 1 of 6")
    assert "▁" in page.locator("[data-answer]").inner_text()
    page.get_by_role("link", name="Open in the workspace").click()
    page.wait_for_url(re.compile(r"/\?model=trained%2F"))
    expect(page.locator("#id_model option:checked")).to_contain_text("Masked diffusion")


def test_a_form_that_is_refused_keeps_what_was_typed(page: Page) -> None:
    page.goto("/training/")
    page.locator("#id_text").fill("too short")
    page.get_by_role("button", name="Keep the text").click()
    expect(page.locator("body")).to_contain_text("fewer than 400 characters")
    page.locator("summary", has_text="Name, prompt and numbers").click()
    page.locator("#id_width").fill("17")
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.locator("#errors")).to_contain_text("width must be a multiple")
    expect(page.locator("#id_width")).to_have_value("17")
    assert page.locator("#id_width").get_attribute("aria-invalid") == "true"
    assert violations(page) == []


def train(page: Page) -> None:
    begin(page, 12)
    words(page, "finished")


@pytest.fixture(scope="module")
def trained(keep: Callable[..., Kept]) -> Kept:
    """A training that was begun on a phone and has come to its end."""
    return keep(train, width=320)


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark"), (320, "light")])
def test_pages_fit_and_axe_finds_nothing(
    trained: Kept, open_page: Open, width: int, scheme: str
) -> None:
    page = open_page(width=width, color_scheme=scheme, storage_state=trained.state)
    page.goto("/training/")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.goto(trained.url)
    words(page, "finished")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_it_works_without_javascript(open_page: Open) -> None:
    page = open_page(java_script_enabled=False)
    begin(page, 10)
    for _ in range(60):
        if "finished" in page.content() or "done" in page.locator("span[data-words]").inner_text():
            break
        page.wait_for_timeout(1000)
        page.reload()
    page.locator("#id_length").fill("4")
    page.get_by_role("button", name="Ask all moments").click()
    expect(page.locator("[data-answer-of]")).to_have_count(11, timeout=LONG)


def test_the_drawer_steps_through_the_page_s_training_until_it_ends(page: Page) -> None:
    begin(page, 20_000)
    expect(page.locator("#training")).to_have_attribute("data-model", re.compile("trained/"))
    page.locator("[data-drawer]").click()
    drawer = page.locator("#drawer")
    expect(drawer.locator("[data-indicator]")).to_contain_text(
        re.compile(r"Using model: Small stories, Character GPT \(\d+K? params, step \d+")
    )
    drawer.locator("[data-input]").fill("Tell a story")
    expect(drawer.locator("[data-bars] li").first).to_be_visible(timeout=LONG)
    drawer.locator("[data-play]").click()
    page.evaluate("document.querySelector('form[action$=\"do/stop/\"]').requestSubmit()")
    expect(drawer.locator("[data-status]")).to_have_text("⚠️ Training session ended", timeout=LONG)
    expect(drawer.locator("[data-pause]")).to_be_disabled()
