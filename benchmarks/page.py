"""What a step costs in the browser: bytes, script time, first picture, sliders.

A real Chromium looks at a real site. The wide stream (1024 places, 4 commits a step) comes from a
random model of one small layer that lies in MODELS_DIR of the site; the other figures from the
shipped story model.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import torch
from playwright.sync_api import CDPSession, Page, sync_playwright

from benchmarks.models import SHIPPED
from benchmarks.served import serving
from inference.engine import checkpoint
from inference.engine.digest_bytes import form_of

SLUG, PLACES, COMMITS = "wide", 1024, 4
KILOBYTES, SCRIPT_MS, FIRST_MS, SLIDER_MS, SCRUB_MS = 64, 10, 150, 16, 33
DISK_KB, DISK_BYTES = 25, 450
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
DIGESTS = """
    SELECT digest.data, model.slug FROM visualizer_digest digest
    JOIN visualizer_branch branch ON branch.id = digest.branch_id
    JOIN visualizer_session session ON session.id = branch.session_id
    JOIN inference_modelentry model ON model.id = session.model_id
"""
ROUNDS, PRESSES, KEY_REPEAT_MS = 9, 40, 33
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
FIRST_STEP = """() => {
  window.firstStep = null;
  const clicked = { at: 0 };
  const run = document.querySelector("[data-action=run]");
  run.addEventListener("click", (event) => { clicked.at = event.timeStamp; }, { capture: true });
  const look = () => {
    if (!clicked.at || document.querySelectorAll("#tokens .cell.masked").length === 64) return;
    watch.disconnect();
    window.painted(() => { window.firstStep = performance.now() - clicked.at; });
  };
  const watch = new MutationObserver(look);
  watch.observe(document.querySelector("#tokens"), { subtree: true, attributes: true });
}"""
SLIDER = """() => {
  window.sliderTimes = [];
  document.addEventListener("input", () => {
    const begun = performance.now();
    window.painted(() => window.sliderTimes.push(performance.now() - begun));
  }, { capture: true });
}"""


SCRUB = """async (places) => {
  // One place after another, each as soon as the one before stands on the screen.
  const scrub = document.querySelector("#scrub");
  const times = [];
  for (const place of places) {
    const begun = performance.now();
    scrub.value = place;
    scrub.dispatchEvent(new Event("input", { bubbles: true }));
    await new Promise((done) => window.painted(done));
    times.push(performance.now() - begun);
  }
  return times;
}"""


def measure() -> list[str]:
    """Lines of the report, each figure beside its budget."""
    with tempfile.TemporaryDirectory(prefix="unmask-bench-models-") as folder:
        _wide_model(Path(folder) / SLUG)
        threads = torch.get_num_threads()
        settings = {"MODELS_DIR": folder, "ALLOW_GUESTS": "1"}
        with serving(threads, **settings) as server, _browser(server.address) as page:
            seen = [*_stream(page), *_scrub(page), *_first_step(page), *_slider(page)]
            return [*seen, *_disk(Path(server.data))]


def _wide_model(directory: Path) -> None:
    """The story model's tokenizer under a random body that sees two thousand tokens."""
    directory.mkdir()
    config = json.loads((SHIPPED / "stories" / "config.json").read_text())
    config |= {"d_model": 16, "n_layers": 1, "n_heads": 2, "n_kv_heads": 2}
    config |= {"mlp_hidden_size": 32, "max_sequence_length": 2 * PLACES}
    torch.manual_seed(0)
    checkpoint.save(checkpoint.build(config), config, directory)
    shutil.copy(SHIPPED / "stories" / "tokenizer.json", directory)
    card = {"label": "Wide", "kind": "diffusion", "context": 2 * PLACES, "trained_on": "Nothing."}
    (directory / "unmask.json").write_text(json.dumps(card))


@contextmanager
def _browser(address: str) -> Iterator[Page]:
    found = next((path for name in CHROMIUM if (path := shutil.which(name))), None)
    if found is None:
        raise RuntimeError("this section needs Chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-gpu"]
        )
        options: Any = {"viewport": {"width": 1440, "height": 900}}
        page = browser.new_page(base_url=f"http://{address}", **options)
        page.set_default_timeout(WAIT)
        page.add_init_script(f"({PAINTED})()")
        yield page
        browser.close()


def _start(page: Page, model: str, length: int) -> None:
    page.goto(f"/?model={model}")
    page.locator("#id_prompt").fill("Tell a story about Ben.")
    page.locator("#id_gen_length").fill(str(length))
    page.locator("#start").click()
    page.wait_for_url("**/sessions/*-*/**")
    page.wait_for_selector("#connection[data-connection=live]")


def _stream(page: Page) -> list[str]:
    """A whole run of the wide model, watched."""
    sizes: list[int] = []
    page.on("websocket", lambda line: line.on("framereceived", lambda f: sizes.append(len(f))))
    _start(page, SLUG, PLACES)
    page.locator("#id_tokens_to_select").fill(str(COMMITS))
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
    sizes.clear()
    before = _metrics(devtools)
    _run(page)
    spent = {name: value - before[name] for name, value in _metrics(devtools).items()}
    steps = PLACES // COMMITS
    script, task = (1000 * spent[name] / steps for name in ("ScriptDuration", "TaskDuration"))
    kilobytes = sum(sizes) / steps / 1000
    return [
        f"{PLACES} places, {COMMITS} commits a step, {steps} steps (random model on this machine)",
        _line("received per step", kilobytes, KILOBYTES, "kB"),
        _line("largest frame", max(sizes) / 1000, KILOBYTES, "kB"),
        _line("script on the main thread per step", script, SCRIPT_MS, "ms"),
        f"  {'the whole main thread per step':38} {task:8.2f} ms",
    ]


def _metrics(devtools: CDPSession) -> dict[str, float]:
    rows = devtools.send("Performance.getMetrics")["metrics"]
    wanted = ("ScriptDuration", "TaskDuration")
    return {row["name"]: row["value"] for row in rows if row["name"] in wanted}


def _run(page: Page) -> None:
    page.locator("[data-action=run]").click()
    page.locator("#run-state", has_text="Done").wait_for()


def _scrub(page: Page) -> list[str]:
    """From the scrubber's event to the frame that shows the step, on the canvas that stands there:
    to and fro by steps of an eighth."""
    last = PLACES // COMMITS
    places = [last * n // 8 for n in (7, 6, 5, 4, 3, 2, 1, 0, 4, 8)] * 3
    times = page.evaluate(SCRUB, places)
    return [
        _line(
            f"scrub to painted frame, {PLACES} places", statistics.median(times), SCRUB_MS, of=times
        )
    ]


def _disk(data: Path) -> list[str]:
    """What the steps of these sessions left in the database, and what the first version of the
    digest took for the same positions."""
    lines = []
    with closing(sqlite3.connect(f"file:{data / 'unmask.sqlite3'}?mode=ro", uri=True)) as database:
        rows = database.execute(DIGESTS).fetchall()
    for slug, places in ((SLUG, PLACES), ("stories", 64)):
        kept = [bytes(row[0]) for row in rows if row[1] == slug]
        forms = [form_of(one) for one in kept]
        read = sum(len(form.positions) for form in forms)
        before = sum(18 + len(form.positions) * (16 + 2 * form.vocabulary) for form in forms)
        size, budget = sum(map(len, kept)), DISK_KB * places / 64
        lines += [
            _line(f"disk per step, {places} places", size / len(kept) / 1000, budget, "kB"),
            f"  {'the same in the first version':38} {before / len(kept) / 1000:8.2f} kB",
            _line(f"disk per position, {places} places", size / read, DISK_BYTES, "bytes"),
        ]
    return lines


def _first_step(page: Page) -> list[str]:
    """From the click on Run to the first token on the screen, less what the engine took."""
    taken: list[float] = []

    def note(frame: str | bytes) -> None:
        if isinstance(frame, str) and '"type":"step"' in frame[:80]:
            taken.append(float(json.loads(frame)["payload"]["ms"]))

    page.on("websocket", lambda line: line.on("framereceived", note))
    over = []
    for _ in range(ROUNDS):
        _start(page, "stories", 64)
        taken.clear()
        page.evaluate(FIRST_STEP)
        _run(page)
        over.append(page.evaluate("window.firstStep") - taken[0])
    name = "first step on the screen, over engine's"
    return [_line(name, statistics.median(over), FIRST_MS, of=over)]


def _slider(page: Page) -> list[str]:
    """From the slider's event to the frame that shows what it changed, at the pace of a key that is
    held down. What the system needs to hand the key to the page is not counted."""
    _start(page, "stories", 64)
    page.locator("[data-action=forward_pass]").click()
    page.wait_for_selector("[data-action=auto_select]:not([aria-disabled])")
    page.locator("#tokens .cell").nth(3).click()
    page.wait_for_selector("#inspector .candidate")
    page.evaluate(SLIDER)
    page.locator("[data-slides=softmax_temperature]").focus()
    for n in range(PRESSES):
        page.keyboard.press("ArrowRight" if n % 20 < 10 else "ArrowLeft")
        page.wait_for_timeout(KEY_REPEAT_MS)
    page.wait_for_function(f"window.sliderTimes.length === {PRESSES}")
    times = page.evaluate("window.sliderTimes")
    return [_line("slider to repaint", statistics.median(times), SLIDER_MS, of=times)]


def _line(
    name: str, value: float, budget: float, unit: str = "ms", of: Sequence[float] = ()
) -> str:
    verdict = "within" if value <= budget else "OVER"
    spread = f"   (median of {len(of)}: {min(of):.2f} to {max(of):.2f})" if of else ""
    return f"  {name:38} {value:8.2f} {unit}   {verdict} the budget of {budget} {unit}{spread}"
