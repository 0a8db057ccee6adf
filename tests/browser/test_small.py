"""Small screens, forced colours, and what must not jump."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import Kept, Open
from tests.browser.steps import (
    CELLS,
    MASKED,
    action,
    apply_staged,
    each,
    forward,
    live,
    run_to_the_end,
    scrub,
    soon,
    start_example,
)

TOP = "document.querySelector('#tokens').getBoundingClientRect().top"
CARD = "/models/card/stories/"  # has wide tables
SIZE = "getComputedStyle(e).fontSize"
SHADE = "getComputedStyle(e).backgroundColor"
CURSOR = """() => {
  const lines = document.querySelector("#heat-lines");
  const { data } = lines.getContext("2d").getImageData(0, 0, lines.width, lines.height);
  return data.some((value) => value > 0);
}"""


def run_an_example(page: Page) -> None:
    start_example(page)
    run_to_the_end(page)


@pytest.fixture(scope="module")
def done(keep: Callable[..., Kept]) -> Kept:
    """A session whose run is done, which is only looked at."""
    return keep(run_an_example)


@pytest.fixture
def ran(done: Kept, open_page: Open) -> Page:
    """Its workspace."""
    page = open_page(storage_state=done.state)
    page.goto(done.url)
    live(page)
    return page


def test_a_tap_brings_the_position_in_sight(page: Page, open_page: Open) -> None:
    start_example(page)
    forward(page)
    state = page.context.storage_state()
    phone = open_page(width=390, height=844, storage_state=state, has_touch=True)
    phone.goto(page.url)
    live(phone)
    sheet = phone.locator("#sheet")
    expect(sheet).to_be_hidden()
    phone.locator(CELLS).nth(3).tap()
    expect(phone.locator("#inspector .candidate").first).to_be_in_viewport()
    expect(phone.locator(CELLS).nth(3)).to_be_in_viewport()
    phone.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    expect(phone.locator(CELLS).nth(3)).to_be_focused()
    phone.locator("#sheet-open").tap()
    expect(sheet).to_be_visible()
    phone.locator("#sheet-close").tap()
    expect(sheet).to_be_hidden()
    phone.mouse.wheel(0, 4000)
    for name in ("run", "stop"):
        expect(action(phone, name)).to_be_visible()
    assert min(float(size.removesuffix("px")) for size in each(phone, CELLS, SIZE)) >= 12


@pytest.mark.parametrize("width", [320, 390])
def test_nothing_is_wider_than_the_screen(done: Kept, open_page: Open, width: int) -> None:
    small = open_page(width=width, height=700, storage_state=done.state)
    for address in (done.url, "/", "/sessions/", "/lab/", "/settings/", CARD):
        small.goto(address)
        assert small.evaluate("document.documentElement.scrollWidth") <= width, address
    assert violations(small) == []  # of the card, whose tables scroll


@pytest.mark.parametrize("width", [1440, 390, 320])
def test_a_workspace_has_a_header_of_one_row(done: Kept, open_page: Open, width: int) -> None:
    wide = open_page(width=width, storage_state=done.state)
    wide.goto(done.url)
    live(wide)
    header = wide.locator(".topbar").bounding_box()
    assert header
    assert header["height"] < 64
    pages = wide.get_by_role("navigation").get_by_role("link", name="Sessions")
    expect(pages).to_be_hidden()
    wide.get_by_role("button", name="Menu").click()
    expect(pages).to_be_in_viewport()
    assert violations(wide) == []
    pages.click()
    wide.wait_for_url("**/sessions/")


@pytest.mark.parametrize(("model", "masks"), [("tiny", 64), ("tiny", 128), ("slow", 240)])
def test_all_masks_stand_above_the_fold(page: Page, model: str, masks: int) -> None:
    page.goto(f"/?model={model}")
    page.locator("#id_prompt").fill("once")
    page.locator("#id_gen_length").fill(str(masks))
    page.locator("#start").click()
    page.wait_for_url("**/sessions/*-*/**")
    live(page)
    area = page.locator(".token-scroll")
    hidden = area.evaluate("e => e.scrollHeight - e.clientHeight")
    assert hidden <= 0, f"{hidden} px of {masks} masks lie below the fold"
    expect(page.locator(MASKED)).to_have_count(masks)
    assert page.evaluate("document.documentElement.scrollHeight") <= 900


def test_the_list_shows_the_order_of_writing(ran: Page) -> None:
    ran.goto("/sessions/")
    assert len(set(each(ran, ".strip .swatch", SHADE))) == 6
    assert set(each(ran, ".strip .swatch", "e.getBoundingClientRect().width")) == {4}


def test_forced_colours_leave_the_confidence(done: Kept, open_page: Open) -> None:
    forced = open_page(storage_state=done.state, forced_colors="active")
    forced.goto(done.url)
    live(forced)
    scale = "#legend .scale[data-for=confidence] .swatch"
    assert len(set(each(forced, scale, SHADE))) == 6
    bins = each(forced, f"{CELLS}:not(.now)", "e.className.match(/bin-./)[0]")
    shades = dict(zip(bins, each(forced, f"{CELLS}:not(.now)", SHADE), strict=True))
    assert len(set(shades.values())) == len(shades)
    now = forced.locator(f"{CELLS}.now").first
    assert now.evaluate("c => getComputedStyle(c).outlineStyle") == "solid"


def test_the_tokens_do_not_move_while_one_scrubs(ran: Page) -> None:
    tops = set()
    for step in (24, 23, 3, 0, 24):
        scrub(ran, step)
        ran.wait_for_timeout(150)
        tops.add(ran.evaluate(TOP))
    assert len(tops) == 1


def test_an_empty_session_has_no_cursor_in_its_picture(page: Page) -> None:
    start_example(page)
    page.wait_for_timeout(200)
    assert not page.evaluate(CURSOR)
    run_to_the_end(page)
    soon(page, lambda: page.evaluate(CURSOR), True)


def test_the_order_has_axes_and_no_dot_is_cut(page: Page) -> None:
    start_example(page)
    page.locator("#id_recipe").select_option("rank/left_to_right")
    run_to_the_end(page)
    page.locator("#order-details summary").click()
    expect(page.locator("#order path")).to_have_count(24)
    expect(page.locator(".axis-y")).to_have_text("position ↓")
    expect(page.locator(".axis-x")).to_have_text("step →")
    frame = page.locator("#order").bounding_box()
    marks = each(page, "#order path", "e.getAttribute('d').slice(1).replace('h0', '')")
    assert frame
    radius = 3  # of the round end of a stroke of 6 px
    for mark in marks:
        x, y = (float(part) for part in mark.split())
        assert radius <= x / 100 * frame["width"] <= frame["width"] - radius
        assert radius <= y / 40 * frame["height"] <= frame["height"] - radius


def test_plots_leave_the_tokens_their_room(ran: Page) -> None:
    ran.locator("#order-details summary").click()
    ran.locator("#steps-details summary").click()
    assert ran.locator("#heat").evaluate("e => e.clientHeight") >= 100
    assert ran.locator("#main").evaluate("e => e.clientHeight") >= 200


def test_a_locked_mask_is_told_and_stands_in_the_legend(page: Page) -> None:
    start_example(page)
    page.locator(CELLS).nth(2).click()
    expect(page.locator("#inspector h2")).to_contain_text("Position")
    page.get_by_role("button", name="Lock").click()
    cell = page.locator(f"{MASKED}.locked")
    expect(cell).to_have_count(1)
    expect(cell).to_have_attribute("title", "Position 18: masked, locked")
    expect(page.locator("#legend")).to_contain_text("locked")


def test_candidates_have_headings_and_margins_are_told_finely(page: Page) -> None:
    start_example(page)
    forward(page)
    page.locator(CELLS).nth(3).click()
    expect(page.locator("#inspector .candidate-head")).to_have_text(
        re.compile("token.*relative.*prob.*logit", re.DOTALL)
    )
    margin = page.locator("#inspector dt:text-is('Margin 1–2') + dd")
    expect(margin).to_have_text(re.compile(r"^(<0\.01|\d+\.\d\d)%$"))


def test_a_branch_takes_one_line(page: Page) -> None:
    start_example(page)
    page.get_by_label("More for branch main", exact=True).click()
    page.get_by_label("New name of main").fill("a long name that does not fit beside its menu")
    page.locator("#branches .menu[open]").get_by_role("button", name="Rename").click()
    line = page.locator("#branches .branch").first
    expect(line).to_contain_text("a long name")
    assert line.evaluate("e => e.clientHeight") < 40


def test_lengths_in_the_branch_panel_grow_with_the_steps(page: Page) -> None:
    start_example(page)
    forward(page)
    for step in (1, 2):
        forward(page)
        action(page, "auto_select").click()
        expect(page.locator("#staged li")).to_have_count(1)
        apply_staged(page, step)
        words = f"{step} step" if step == 1 else f"{step} steps"
        expect(page.locator("#branches .branch").first).to_contain_text(words)


def test_a_lock_keeps_the_pass_and_what_is_staged(page: Page) -> None:
    start_example(page)
    forward(page)
    action(page, "auto_select").click()
    expect(page.locator("#staged li")).to_have_count(1)
    expect(page.locator(f"{CELLS}.staged")).to_have_count(1)
    looks = each(page, CELLS, "e.className")
    page.locator(CELLS).nth(
        next(n for n, names in enumerate(looks) if "staged" not in names)
    ).click()
    page.get_by_role("button", name="Lock").click()
    expect(page.locator("#step-text")).to_have_text("step 1 / 1")
    expect(page.locator("#staged li")).to_have_count(1)
    expect(page.locator("#staged")).to_contain_text("auto")
    expect(action(page, "auto_select")).not_to_have_attribute("aria-disabled", "true")
    expect(page.locator(f"{MASKED}.guess").first).to_be_visible()
