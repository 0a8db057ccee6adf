"""The browser of the benchmarks: a real Chromium, what it counts of itself, a line of a report."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import CDPSession, Page, sync_playwright

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
WAIT = 300_000
PAINTED = """() => {
  // window.painted(then): `then` runs when the frame that shows what has just been changed is done.
  // A message that is posted within a frame is dealt with after that frame's style, layout and
  // paint; what was changed between two frames is shown by the next one.
  const afterwards = (then) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = then;
    channel.port2.postMessage(0);
  };
  const ask = window.requestAnimationFrame.bind(window);
  let inFrame = false;
  window.requestAnimationFrame = (draw) => ask((now) => {
    inFrame = true;
    afterwards(() => { inFrame = false; });
    draw(now);
  });
  window.painted = (then) => (inFrame ? afterwards(then) : ask(() => afterwards(then)));
}"""
FRAMES = """() => {
  window.lateness = [];
  let last = performance.now();
  const look = (now) => {
    window.lateness.push(now - last);
    last = now;
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}"""
"""window.lateness: milliseconds from each frame to the next, from now on."""


@contextmanager
def browser(address: str) -> Iterator[Page]:
    """A page of the site that listens there. Raises RuntimeError without a browser."""
    found = next((path for name in CHROMIUM if (path := shutil.which(name))), None)
    if found is None:
        raise RuntimeError("this section needs Chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-gpu"]
        )
        # Who waits for a condition asks it in the page again and again; the site's CSP forbids it.
        options: Any = {"viewport": {"width": 1440, "height": 900}, "bypass_csp": True}
        page = chromium.new_page(base_url=f"http://{address}", **options)
        page.set_default_timeout(WAIT)
        page.add_init_script(f"({PAINTED})()")
        yield page
        chromium.close()


def counters(page: Page) -> CDPSession:
    """The session of the developer tools that `metrics` reads; times are those of the thread."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
    return devtools


def metrics(devtools: CDPSession) -> dict[str, float]:
    """Name → value; times in seconds, sizes in bytes."""
    rows: list[dict[str, Any]] = devtools.send("Performance.getMetrics")["metrics"]
    return {row["name"]: float(row["value"]) for row in rows}


def heap(devtools: CDPSession) -> float:
    """Bytes of JavaScript that are in use when the rest has been collected."""
    devtools.send("HeapProfiler.collectGarbage")
    return metrics(devtools)["JSHeapUsedSize"]


def line(name: str, value: float, budget: float, unit: str = "ms", of: Sequence[float] = ()) -> str:
    """A figure beside its budget, with the range of the values that it is the median of."""
    verdict = "within" if value <= budget else "OVER"
    spread = f"   (median of {len(of)}: {min(of):.2f} to {max(of):.2f})" if of else ""
    return f"  {name:38} {value:8.2f} {unit}   {verdict} the budget of {budget} {unit}{spread}"
