"""What axe-core has against a page."""

from __future__ import annotations

from pathlib import Path

import axe_core_python
from playwright.sync_api import Page

AXE = (Path(axe_core_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")


STILL = """() => Promise.all(
  document.getAnimations()
    .filter((one) => one.effect?.getComputedTiming().endTime !== Infinity)
    .map((one) => one.finished.catch(() => {})),
).then(() => {})"""
"""What fades in has the contrast of its end, which is what is judged."""


def violations(page: Page) -> list[str]:
    """One line for each element (three of a rule at most) that a rule of axe-core refuses."""
    page.evaluate(STILL)
    page.evaluate(AXE)
    result = page.evaluate("axe.run()")
    return [
        f"{rule['id']}: {node['html'][:150]} {node['failureSummary'][:200]}"
        for rule in result["violations"]
        for node in rule["nodes"][:3]
    ]
