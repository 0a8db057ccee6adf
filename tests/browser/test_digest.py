"""The digest as the browser reads it agrees with the server: within 1e-3, at every temperature."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from playwright.sync_api import Page, expect

from inference.engine import digest
from inference.engine.digest_view import DigestView, sparse_bytes
from tests.browser.steps import choose, forward, start_example

READ = """async ([bytes, temperatures]) => {
  const { Digest } = await import("/static/js/digest.js");
  const digest = new Digest(new Uint8Array(bytes).buffer);
  return temperatures.map((t) => Array.from(digest.positions, (position, row) => ({
    probs: [...digest.probabilities(row, t)], entropy: digest.partition(row, t)[1] })));
}"""
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


def test_what_the_slider_showed_is_what_the_server_says(page: Page) -> None:
    start_example(page)
    forward(page)
    choose(page, 4)
    with page.expect_response("**/pos/**"):
        page.locator("[data-slides=softmax_temperature]").fill("0.5")
        page.wait_for_timeout(60)
        shown = page.locator("#inspector .candidate .num").all_inner_texts()
    page.wait_for_timeout(200)
    settled = page.locator("#inspector .candidate .num").all_inner_texts()
    for a, b in zip(shown[::2], settled[::2], strict=True):
        assert abs(float(a.strip("<%")) - float(b.strip("<%"))) <= 0.1
