"""What axe-core has against a page."""

from __future__ import annotations

from pathlib import Path

import axe_playwright_python
from playwright.sync_api import Page

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")


STILL = """() => Promise.all(
  document.getAnimations()
    .filter((one) => one.effect?.getComputedTiming().endTime !== Infinity)
    .map((one) => one.finished.catch(() => {})),
).then(() => {})"""
"""What fades in has the contrast of its end, which is what is judged."""


REFUSED = """async (left_out) => {
  const wanted = { resultTypes: ["violations"], selectors: false };
  return (await axe.run({ exclude: left_out }, wanted)).violations;
}"""
"""Every rule is applied; only of those that are broken the elements are described and sent."""


def violations(page: Page, *left_out: str) -> list[str]:
    """One line for each element (three of a rule at most) that a rule of axe-core refuses.

    `left_out`: selectors of what is not looked at, since there are hundreds more of its kind.
    """
    page.evaluate(STILL)
    page.evaluate(AXE)
    return [
        f"{rule['id']}: {node['html'][:150]} {node['failureSummary'][:200]}"
        for rule in page.evaluate(REFUSED, list(left_out))
        for node in rule["nodes"][:3]
    ]
