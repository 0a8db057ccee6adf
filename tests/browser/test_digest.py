"""The digest as the browser reads it agrees with the server: within 1e-3, at every temperature."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from playwright.sync_api import Page, Route, expect

from inference.engine import digest
from inference.engine.digest_view import DigestView, sparse_bytes
from tests.browser.steps import choose, each, forward, soon, start_example

READ = """async ([bytes, temperatures]) => {
  const { Digest } = await import("/static/js/digest.js");
  const digest = new Digest(new Uint8Array(bytes).buffer);
  return temperatures.map((t) => Array.from(digest.positions, (position, row) => ({
    probs: [...digest.probabilities(row, t)], entropy: digest.partition(row, t)[1] })));
}"""
PERCENT = "#inspector .candidate .num:not(.muted)"
TEMPERATURES = [0.1, 0.25, 0.5, 0.8, 1.0, 1.3, 2.0, 5.0, 10.0]


def _logits(vocabulary: int, scale: float) -> torch.Tensor:
    generator = torch.Generator().manual_seed(vocabulary)
    return torch.randn(5, vocabulary, generator=generator) * scale


@pytest.mark.parametrize(("vocabulary", "scale"), [(90, 3.0), (2_000, 1.0), (70_000, 4.0)])
def test_probabilities_and_entropies_agree(page: Page, vocabulary: int, scale: float) -> None:
    data = sparse_bytes(digest.encode(_logits(vocabulary, scale), [3, 5, 6, 9, 200]))
    view = DigestView.from_bytes(data)
    page.goto("/")
    told: Any = page.evaluate(READ, [list(data), TEMPERATURES])
    for temperature, rows in zip(TEMPERATURES, told, strict=True):
        probs, entropy = view.probabilities(temperature), view.entropy(temperature)
        for row, read in enumerate(rows):
            assert max(abs(probs[row] - read["probs"])) < 1e-6
            assert abs(entropy[row] - read["entropy"]) < 1e-3


def test_a_slider_acts_before_the_server_has_answered(page: Page) -> None:
    start_example(page)
    forward(page)
    choose(page, 4)
    first = page.locator("#inspector .candidate .num").first
    before = first.inner_text()
    page.route("**/pos/**", lambda route: route.abort())  # the server's partial never comes
    page.locator("[data-slides=softmax_temperature]").fill("-0.7")
    expect(first).not_to_have_text(before)
    assert float(first.inner_text().rstrip("%")) > float(before.rstrip("%"))
    page.locator("#id_actual_top_k").fill("3")
    expect(page.locator("#inspector .candidate:not(.excluded)")).to_have_count(3)
    assert page.locator("#inspector input[name=token]:not(:disabled)").count() == 3


def percents(page: Page) -> list[float]:
    return [float(text.strip("<%")) for text in each(page, PERCENT, "e.textContent")]


def test_what_the_slider_showed_is_what_the_server_says(page: Page) -> None:
    start_example(page)
    forward(page)
    choose(page, 4)
    before = percents(page)
    held: list[Route] = []
    page.route(
        "**/pos/**", lambda route: held.append(route)
    )  # the server's partial waits until we have looked
    page.locator("[data-slides=softmax_temperature]").fill("0.5")
    soon(page, lambda: percents(page) != before and bool(held), True)
    shown = percents(page)
    with page.expect_response("**/pos/**"):
        held[-1].continue_()
    page.wait_for_timeout(200)
    settled = percents(page)
    assert len(shown) > 5
    for a, b in zip(shown, settled, strict=True):
        assert abs(a - b) <= 0.1
