"""Without JavaScript, with hostile text, on a small screen, and for everybody (axe-core)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import Kept, Open
from tests.browser.house import SLUG
from tests.browser.steps import CELLS, MASKED, action, choose, forward, start_example

HOSTILE = "<img src=x onerror=document.title='taken'> <b>once</b>"


def test_the_manual_cycle_without_javascript(open_page: Open) -> None:
    page = open_page(java_script_enabled=False)
    page.goto("/")
    page.locator("[data-example]").first.click()
    page.wait_for_url("**/sessions/*-*/**")
    action(page, "forward_pass").click()
    action(page, "auto_select").click()
    expect(page.locator("#staged li")).to_have_count(1)
    action(page, "apply_selection").click()
    expect(page.locator("#step-text")).to_have_text("step 1 / 1")
    expect(page.locator(MASKED)).to_have_count(23)
    action(page, "forward_pass").click()
    page.locator(f"{CELLS}.masked").first.click()
    page.locator("#inspector input[type=radio]:not([disabled])").nth(1).check()
    page.get_by_role("button", name="Stage token").click()
    action(page, "apply_selection").click()
    expect(page.locator("#step-text")).to_have_text("step 2 / 2")
    page.get_by_role("link", name="One step back").click()
    expect(page.locator("#step-text")).to_have_text("step 1 / 2")
    action(page, "forward_pass").click()
    action(page, "auto_select").click()
    action(page, "apply_selection").click()
    expect(page.locator("#branches a[data-branch]")).to_have_count(2)


def test_more_candidates_are_shown_without_javascript(open_page: Open) -> None:
    page = open_page(java_script_enabled=False)
    page.goto("/")
    page.locator("[data-example]").first.click()
    page.wait_for_url("**/sessions/*-*/**")
    action(page, "forward_pass").click()
    page.locator(f"{CELLS}.masked").nth(2).click()
    few = page.locator("#inspector .candidate").count()
    more = page.get_by_role("link", name="Show")
    wanted = int((more.text_content() or "").split()[-1])
    more.click()
    expect(page.locator("#inspector .candidate")).to_have_count(wanted)
    assert 0 < few < wanted
    expect(page.get_by_role("link", name="Show")).to_have_count(0)


def test_an_empty_selection_is_refused_in_words_without_javascript(open_page: Open) -> None:
    page = open_page(java_script_enabled=False)
    page.goto("/")
    page.locator("[data-example]").first.click()
    page.wait_for_url("**/sessions/*-*/**")
    action(page, "apply_selection").click(force=True)
    expect(page.locator("#toasts")).to_contain_text("Nothing is staged yet")


def test_hostile_text_is_text(page: Page) -> None:
    page.goto("/")
    page.locator("#id_prompt").fill(HOSTILE)
    page.locator("#id_gen_length").fill("8")
    page.locator("#start").click()
    page.wait_for_url("**/sessions/*-*/**")
    expect(page.locator(".prompt-line")).to_contain_text(HOSTILE)
    expect(page.locator("h1")).to_contain_text("<img src=x")
    forward(page)
    page.goto("/sessions/")
    expect(page.locator("main")).to_contain_text("<img src=x")
    assert page.locator("img").count() == 0
    assert page.title() != "taken"


PAGES = ("/", "/sessions/", "/accounts/", "/accounts/sign-in", "/accounts/sign-up", "/no-such-page")


def stage(page: Page) -> None:
    start_example(page, 1)
    forward(page)
    action(page, "auto_select").click()
    expect(page.locator("#staged li")).not_to_have_count(0)


@pytest.fixture(scope="module")
def staged(keep: Callable[..., Kept]) -> Kept:
    """A session with something staged on a forward pass, which is only looked at."""
    return keep(stage)


def test_nothing_scrolls_sideways_on_a_phone(staged: Kept, open_page: Open) -> None:
    phone = open_page(width=390, height=844, storage_state=staged.state)
    for address in (staged.url, *PAGES):
        phone.goto(address)
        assert phone.evaluate("document.documentElement.scrollWidth") <= 390, address


NAVIGATION = (
    "/generate/", "/infill/", "/decide/", "/durations/", "/settings/", "/chat/", "/training/",
    "/lab/", "/learn/", "/models/", f"/models/card/{SLUG}/", "/playground/beside/",
)  # fmt: skip
EXAMPLES = "\n".join(f"{word} <gap> time => a" for word in ("once", "upon", "for", "in", "at") * 2)


def calibrate(page: Page) -> None:
    page.goto("/decide/")
    page.locator("#id_calibrate_places").fill("a | b")
    page.locator("#id_examples").fill(EXAMPLES)
    page.get_by_role("button", name="Fit").click()
    page.wait_for_url("**/decide/calibrations/*-*/")
    expect(page.locator("#calibration figure")).to_be_visible()


@pytest.fixture(scope="module")
def fitted(keep: Callable[..., Kept]) -> Kept:
    """A calibration that has been fitted."""
    return keep(calibrate)


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_every_page_of_the_navigation_is_fit_for_all(
    fitted: Kept, open_page: Open, width: int, scheme: Any
) -> None:
    state = fitted.state
    looked = open_page(width=width, color_scheme=scheme, storage_state=state, bypass_csp=True)
    found = {}
    for address in (fitted.url, *NAVIGATION):
        looked.goto(address)
        over = looked.evaluate("document.documentElement.scrollWidth - innerWidth")
        found[address] = violations(looked) + [f"{over} px too wide"] * (over > 0)
    assert {address: said for address, said in found.items() if said} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_nothing(staged: Kept, open_page: Open, scheme: Any, width: int) -> None:
    state = staged.state
    looked = open_page(width=width, color_scheme=scheme, storage_state=state, bypass_csp=True)
    for address in (staged.url, *PAGES):
        looked.goto(address)
        if address == staged.url:
            choose(looked, 1)
        found = violations(looked)
        assert found == [], address
