"""Each recipe shows its own fields, and what is typed there is what the run is made with."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.steps import action, start_example
from tests.servers import Site

ASKED = """
from visualizer.models import Run
print(Run.objects.order_by("-pk").first().parameters.get("threshold"))
"""


def test_fields_follow_the_recipe_and_reach_the_run(page: Page, house: Site) -> None:
    start_example(page)
    threshold, pace = page.locator("#id_p_threshold"), page.locator("#pace-help")
    page.locator("#id_recipe").select_option("llada/low_confidence")
    expect(threshold).to_be_hidden()
    expect(pace).to_be_hidden()
    page.locator("#id_recipe").select_option("fastdllm/threshold")
    expect(threshold).to_be_visible()
    expect(threshold).to_have_attribute("placeholder", "0.9")
    expect(pace).to_be_visible()
    threshold.fill("0.55")
    action(page, "run").click()
    expect(page.locator("#run-state")).to_have_text("Done")
    assert house.run(ASKED) == 0.55
    page.reload()
    expect(threshold).to_have_value("0.55")


def test_a_side_of_a_comparison_shows_its_recipe_s_fields(page: Page) -> None:
    start_example(page)
    page.goto(f"{page.url.split('?')[0]}compare/")
    page.locator(".parameters summary").first.click()
    page.locator("#recipe-a").select_option("klass")
    expect(page.locator("#id_a_p_kl_threshold")).to_be_visible()
    page.locator("#recipe-a").select_option("llada/random")
    expect(page.locator("#id_a_p_kl_threshold")).to_have_count(0)
    expect(page.locator("#id_a_p_temperature")).to_be_visible()
