"""The drawer beyond single tokens: sliders, tree, history, two models, scores, what is ahead."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.test_drawer import BARS, OPEN, TOKENS, away, shown, type_in
from tests.inference.engine.causal.tiny import write_model
from tests.servers import Site, embedded_site
from tests.tiny import tiny_model

pytestmark = pytest.mark.timeout(200)
SHARES = f"{BARS} .share"
RUNS = "#drawer [data-branches] .run"
NOTE = "#drawer [data-kept]"
ASK = "**/api/generate-next-token"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One model that denoises, and two that write from left to right."""
    folder = tmp_path_factory.mktemp("tree")
    tiny_model(folder / "models" / "tiny")
    write_model(folder / "models" / "letters", "llama")
    write_model(folder / "models" / "others", "llama", seed=7)
    settings = {"DEFAULT_MODEL": "tiny", "ALLOW_GUESTS": "1", "SOCKETS_PER_USER": "50"}
    with embedded_site(folder, MODELS_DIR=str(folder / "models"), **settings) as site:
        yield site


@pytest.fixture
def drawer(open_page: Any, site: Site) -> Page:
    page: Page = open_page()
    page.goto(f"{site.url}/sessions/")
    page.locator(OPEN).click()
    page.locator("[data-model]").select_option("letters")
    return page


def asked(page: Page) -> list[dict[str, Any]]:
    """The questions that go out from now on."""
    questions: list[dict[str, Any]] = []
    page.on(
        "request",
        lambda request: (
            questions.append(request.post_data_json)
            if request.url.endswith("/api/generate-next-token")
            else None
        ),
    )
    return questions


def slide(page: Page, name: str, value: str) -> None:
    slider = page.locator(f"[data-{name}]")
    slider.fill(value)
    slider.dispatch_event("change")


def step(page: Page, count: int) -> None:
    for _ in range(count):
        before = page.locator(TOKENS).count()
        page.locator("[data-step]").click()
        expect(page.locator(TOKENS)).to_have_count(before + 1)
        expect(page.locator(BARS)).to_have_count(10)


def test_sliders_act_at_once_and_as_the_server_would(drawer: Page) -> None:
    type_in(drawer)
    questions = asked(drawer)
    for name, value in (("temperature", "2"), ("top-k", "4"), ("top-p", "0.7")):
        before = drawer.locator(SHARES).all_inner_texts()
        slide(drawer, name, value)
        assert drawer.locator(SHARES).all_inner_texts() != before
    assert questions == []
    expect(drawer.locator("[data-rest]").first).to_contain_text("cut by top-k and top-p")
    told = drawer.evaluate(
        """async () => {
          const { ask } = await import(document.querySelector("script[src*='pages/drawer']").src
            .replace(/pages\\/drawer[^/]*$/, "playground/next_token.js"));
          return ask("/api/generate-next-token", { body: { session_id: "letters",
            context: "hello wor", temperature: 2, top_k: 4, top_p: 0.7 } });
        }"""
    )
    wanted = [one["prob"] for one in told["probabilities"]]
    widths = drawer.locator(f"{BARS} i").evaluate_all("all => all.map((i) => i.style.width)")
    found = [float(width.rstrip("%")) / 100 for width in widths]
    assert found == pytest.approx(wanted, abs=1e-3)


def test_play_is_fed_ahead(drawer: Page) -> None:
    """Far fewer questions than tokens, none of which waits for its own."""
    type_in(drawer)
    questions = asked(drawer)
    drawer.locator("[data-speed]").fill("100")
    drawer.locator("[data-play]").click()
    expect(drawer.locator(TOKENS).nth(29)).to_be_attached()
    drawer.locator("[data-pause]").click()
    count = drawer.locator(TOKENS).count()
    assert len(questions) <= 3 + count / 8
    assert any(one["ahead"] > 1 for one in questions)


def test_only_new_tokens_fade_in_and_bars_move(drawer: Page) -> None:
    type_in(drawer)
    drawer.evaluate("document.querySelector('#drawer [data-bars] i').dataset.same = 'yes'")
    step(drawer, 2)
    token = drawer.locator(TOKENS).last
    expect(token).to_have_css("animation-duration", "0.2s")
    expect(drawer.locator(f"{BARS} i").first).to_have_attribute("data-same", "yes")
    expect(drawer.locator(f"{BARS} i").first).to_have_css("transition-property", "width")
    expect(drawer.locator(BARS).first).to_have_css("transition-property", "border-color")
    drawer.evaluate("document.querySelector('#drawer .token').dataset.same = 'yes'")
    step(drawer, 1)
    expect(drawer.locator(TOKENS).first).to_have_attribute("data-same", "yes")


def test_the_end_of_a_text_is_told(drawer: Page) -> None:
    type_in(drawer)

    def ended(route: Any) -> None:
        answer = route.fetch()
        told = answer.json()
        told["ahead"] = []
        told["is_end"] = True
        route.fulfill(response=answer, json=told)

    drawer.route(ASK, ended)
    drawer.locator("[data-step]").click()
    words = "✓ Generation complete. Modify input to continue."
    expect(drawer.locator("[data-status]")).to_have_text(words)
    drawer.locator("[data-play]").click()
    expect(drawer.locator("[data-status]")).to_have_text(words)
    expect(drawer.locator(TOKENS)).to_have_count(1)
    expect(drawer.locator("[data-pause]")).to_be_disabled()


def test_lines_that_part_are_a_tree(drawer: Page) -> None:
    type_in(drawer)
    step(drawer, 3)
    first = drawer.locator(TOKENS).all_text_contents()
    drawer.locator(TOKENS).nth(1).click()
    drawer.locator(BARS).nth(2).click()
    expect(drawer.locator(TOKENS)).to_have_count(2)
    drawer.get_by_text("Tree of what was tried").click()
    expect(drawer.locator(RUNS)).to_have_count(3)
    expect(drawer.locator(f"{RUNS}[aria-current]")).to_have_count(2)
    expect(drawer.locator(RUNS).first).to_have_text(first[0])
    drawer.locator(RUNS).nth(1).click()
    expect(drawer.locator(TOKENS)).to_have_count(3)
    assert drawer.locator(TOKENS).all_text_contents() == first
    expect(drawer.locator("[data-sum]")).to_contain_text("nats in 3 tokens")
    assert violations(drawer) == []


def test_a_history_is_kept_and_opened_again(drawer: Page, tmp_path: Path) -> None:
    type_in(drawer)
    step(drawer, 3)
    tokens = drawer.locator(TOKENS).all_text_contents()
    expect(drawer.locator(NOTE)).to_have_text("Kept: 3 tokens, 1 lines")
    step(drawer, 1)
    expect(drawer.locator(NOTE)).to_have_text("Kept: 4 tokens, 1 lines")
    drawer.reload()
    drawer.locator(OPEN).click()
    drawer.get_by_text("History", exact=True).click()
    kept = drawer.locator("[data-trees] .kept")
    expect(kept).to_have_text(["hello wor"])
    with drawer.expect_download() as download:
        drawer.get_by_role("link", name="Download the record of hello wor").click()
    record = tmp_path / "record.json"
    download.value.save_as(record)
    assert json.loads(record.read_text())["format"] == "unmask.token_tree"
    kept.first.click()
    expect(drawer.locator(TOKENS)).to_have_count(4)
    assert drawer.locator(TOKENS).all_text_contents()[:3] == tokens
    expect(drawer.locator(BARS)).to_have_count(10)
    expect(drawer.locator("[data-input]")).to_have_value("hello wor")
    drawer.locator("[data-record]").set_input_files(record)
    expect(kept).to_have_count(2)
    drawer.get_by_role("button", name="Delete the history of hello wor").first.click()
    expect(kept).to_have_count(1)
    record.write_text(record.read_text().replace("hello wor", "hello war"))
    drawer.locator("[data-record]").set_input_files(record)
    expect(drawer.locator(".toast-error")).to_contain_text("damaged at or before tokens.0")
    assert violations(drawer) == []


def test_keys_alone_go_back_and_branch(drawer: Page) -> None:
    type_in(drawer)
    away(drawer)
    for count in (1, 2, 3):
        drawer.keyboard.press("Enter")
        expect(drawer.locator(TOKENS)).to_have_count(count)
        expect(drawer.locator(BARS)).to_have_count(10)
    drawer.keyboard.press("ArrowLeft")
    expect(drawer.locator(TOKENS)).to_have_count(2)
    expect(drawer.locator(f"{BARS} .mark").first).to_have_text("✓")
    drawer.keyboard.press("ArrowLeft")
    expect(drawer.locator(TOKENS)).to_have_count(1)
    drawer.keyboard.press("ArrowRight")
    expect(drawer.locator(TOKENS)).to_have_count(2)
    drawer.keyboard.press("ArrowLeft")
    drawer.keyboard.press("ArrowDown")
    wanted = shown(drawer)[1]
    drawer.keyboard.press("Enter")
    expect(drawer.locator(TOKENS)).to_have_count(2)
    assert drawer.locator(TOKENS).last.text_content() == {"(space)": " "}.get(wanted, wanted)


def test_two_models_go_on_from_one_text(drawer: Page) -> None:
    drawer.locator("[data-other]").select_option("others")
    type_in(drawer)
    sides = drawer.locator("#drawer [data-side]")
    expect(sides.nth(1)).to_be_visible()
    expect(sides.nth(1).locator("[data-bars] button")).to_have_count(10)
    assert shown(drawer) != sides.nth(1).locator("[data-bars] .name").all_inner_texts()
    step(drawer, 1)
    expect(sides.nth(1).locator(".token")).to_have_count(1)
    sides.nth(1).locator("[data-bars]:not([aria-busy]) button").nth(3).click()
    expect(sides.nth(1).locator(".token")).to_have_count(2)
    expect(sides.nth(0).locator(".token")).to_have_count(1)
    assert violations(drawer) == []
    drawer.get_by_label("Score my text").check()
    for name in ("model", "other"):
        label = drawer.locator(f"[data-{name}] option:checked").text_content()
        expect(drawer.locator("[data-score-text]")).to_contain_text(f"{label}: -")
    drawer.locator("[data-other]").select_option("")
    expect(sides.nth(1)).to_be_hidden()


def test_the_own_text_is_scored(drawer: Page) -> None:
    drawer.get_by_label("Score my text").check()
    drawer.locator("[data-input]").fill("hello world")
    scored = drawer.locator("#drawer .scored")
    expect(scored).to_have_count(2)
    assert "".join(scored.all_text_contents()) == "hello world"
    expect(scored.nth(1)).to_have_attribute("data-depth", re.compile("[0-9]"))
    expect(drawer.locator("[data-score-text]")).to_contain_text("nats in 1 tokens")
    step(drawer, 1)
    drawer.locator("[data-colour]").select_option("entropy")
    expect(drawer.locator(TOKENS).first).to_have_attribute("data-depth", re.compile("[0-9]"))
    drawer.get_by_label("Score my text").uncheck()
    expect(scored).to_have_count(0)
    assert violations(drawer) == []


def test_the_end_of_a_training_pauses(drawer: Page) -> None:
    state = {"now": "running"}

    def trained(route: Any) -> None:
        answer = route.fetch()
        told = answer.json() | {"training": {"state": state["now"], "step": 20}, "ahead": []}
        route.fulfill(response=answer, json=told)

    drawer.route(ASK, trained)
    type_in(drawer)
    drawer.locator("[data-play]").click()
    expect(drawer.locator(TOKENS).first).to_be_attached()
    state["now"] = "done"
    expect(drawer.locator("[data-status]")).to_have_text("⚠️ Training session ended")
    expect(drawer.locator("[data-pause]")).to_be_disabled()
