"""The Lab in the browser: a job's bar moves by itself, its curve and rows come with the results."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.axe import violations

LONG = 60_000


def begin(page: Page, steps: str, count: int) -> None:
    """Measure two recipes on additions, which a shipped model has learnt."""
    page.goto("/lab/?model=addition")
    for box in page.locator("input[name=recipes]").all():
        box.set_checked(box.input_value() in ("llada/low_confidence", "llada/random"))
    page.locator("#id_steps").fill(steps)
    page.locator("#id_count").fill(str(count))
    page.get_by_role("button", name="Measure").click()
    page.wait_for_url(re.compile(r"/lab/[0-9a-f-]{36}/$"))


def test_a_job_is_watched_to_its_end(page: Page) -> None:
    begin(page, "0, 3", 5)
    job = page.locator("#job")
    expect(page.locator("h1")).to_contain_text("Addition")
    expect(job).to_contain_text("of 20 cases")
    expect(job.locator("[role=status]")).to_have_text("Done", timeout=LONG)  # asked by HTMX alone
    expect(job).to_contain_text("20 of 20 cases")
    bar = job.locator("[role=progressbar]")
    expect(bar).to_have_attribute("aria-valuenow", "100")
    assert bar.locator("rect").get_attribute("width") == "100"
    expect(job.locator("tbody tr")).to_have_count(4)
    assert job.get_attribute("hx-get") is None  # a finished job is not asked for any more


def test_the_curve_has_a_point_for_every_row_of_the_table(page: Page) -> None:
    begin(page, "0, 3", 2)
    expect(page.locator("#job [role=status]")).to_have_text("Done", timeout=LONG)
    curve = page.locator("#job svg[role=img]")
    expect(curve.locator("polyline")).to_have_count(2)  # one for each recipe
    expect(curve.locator("circle")).to_have_count(4)
    boxes = [circle.bounding_box() for circle in curve.locator("circle").all()]
    frame = curve.bounding_box()
    assert frame is not None
    for box in boxes:
        assert box is not None
        assert frame["x"] <= box["x"] <= frame["x"] + frame["width"]
        assert frame["y"] <= box["y"] <= frame["y"] + frame["height"]
    speeds = page.locator("#job tbody tr td:nth-of-type(3)").all_inner_texts()
    assert float(speeds[1]) > float(speeds[0])  # fewer passes write more tokens in each
    assert violations(page) == []
    page.set_viewport_size({"width": 390, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_job_can_be_cancelled_and_is_listed(page: Page) -> None:
    begin(page, "0", 200)
    address = page.url
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#job [role=status]")).to_have_text("Cancelled", timeout=LONG)
    made = int(page.locator("#job .num").first.inner_text().split()[0])
    assert made < 400
    page.goto("/lab/")
    row = page.locator(f"li.job-row:has(a[href='/lab/{address.rstrip('/').rpartition('/')[2]}/'])")
    expect(row).to_contain_text("Cancelled")
    expect(row).to_contain_text(f"{made} / 400")
