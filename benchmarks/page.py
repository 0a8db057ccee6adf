"""What a step costs in the browser: bytes, script time, first picture, sliders.

A real Chromium looks at a real site. The wide stream (1024 places, 4 commits a step) comes from a
random model of one small layer that lies in MODELS_DIR of the site; the other figures from the
shipped story model.
"""

from __future__ import annotations

import json
import shutil
import statistics
import tempfile
from pathlib import Path

import torch
from playwright.sync_api import Page, Response

from benchmarks.browser import FRAMES, browser, counters, line, metrics
from benchmarks.models import SHIPPED
from benchmarks.page_disk import disk
from benchmarks.served import serving
from inference.engine import checkpoint

SLUG, PLACES, COMMITS = "wide", 1024, 4
KILOBYTES, SCRIPT_MS, FIRST_MS, SLIDER_MS, SCRUB_MS = 64, 10, 150, 16, 33
ROUNDS, PRESSES, KEY_REPEAT_MS = 9, 40, 33
FRAME_MS, PAGE_KB, HIDDEN_PX = 100, 100, 0
LONG_STEPS = 512

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


SPENT = ("ScriptDuration", "TaskDuration")


def measure() -> list[str]:
    """Lines of the report, each figure beside its budget."""
    with tempfile.TemporaryDirectory(prefix="unmask-bench-models-") as folder:
        wide_model(Path(folder) / SLUG)
        threads = torch.get_num_threads()
        settings = {"MODELS_DIR": folder, "ALLOW_GUESTS": "1"}
        with serving(threads, **settings) as server, browser(server.address) as page:
            seen = [*_stream(page), *_scrub(page), *_overview(page), *_frames(page)]
            seen += [*_size(page), *_first_step(page), *_slider(page)]
            return [*seen, *disk(Path(server.data), {SLUG: PLACES, "stories": 64})]


def wide_model(directory: Path) -> None:
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
    page.on("websocket", lambda socket: socket.on("framereceived", lambda f: sizes.append(len(f))))
    _start(page, SLUG, PLACES)
    page.locator("#id_tokens_to_select").fill(str(COMMITS))
    devtools = counters(page)
    sizes.clear()
    before = metrics(devtools)
    _run(page)
    after = metrics(devtools)
    steps = PLACES // COMMITS
    script, task = (1000 * (after[name] - before[name]) / steps for name in SPENT)
    kilobytes = sum(sizes) / steps / 1000
    return [
        f"{PLACES} places, {COMMITS} commits a step, {steps} steps (random model on this machine)",
        line("received per step", kilobytes, KILOBYTES, "kB"),
        line("largest frame", max(sizes) / 1000, KILOBYTES, "kB"),
        line("script on the main thread per step", script, SCRIPT_MS, "ms"),
        f"  {'the whole main thread per step':38} {task:8.2f} ms",
    ]


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
        line(
            f"scrub to painted frame, {PLACES} places", statistics.median(times), SCRUB_MS, of=times
        )
    ]


def _overview(page: Page) -> list[str]:
    """How much of the canvas one has to scroll for, where it stands as an overview."""
    page.locator("#view").select_option("overview")
    page.wait_for_selector("#tokens[data-view=overview]")
    hidden = page.evaluate(
        "(box => box.scrollHeight - box.clientHeight)(document.querySelector('.token-scroll'))"
    )
    page.locator("#view").select_option("cells")
    return [line(f"overview of {PLACES} places, out of sight", hidden, HIDDEN_PX, "px")]


def _frames(page: Page) -> list[str]:
    """The slowest frame of a run of 512 steps."""
    _start(page, SLUG, PLACES)
    page.locator("#id_tokens_to_select").fill(str(PLACES // LONG_STEPS))
    page.evaluate(FRAMES)
    _run(page)
    late = page.evaluate("window.lateness")
    over = sum(one > FRAME_MS for one in late)
    return [
        line(f"slowest frame in {LONG_STEPS} steps", max(late), FRAME_MS),
        f"  {over} of {len(late)} frames took longer than {FRAME_MS} ms",
    ]


def _size(page: Page) -> list[str]:
    """What the page of that session weighs on its way, and the copy that is fetched beside it."""
    with page.expect_response(lambda answer: "/snapshot/" in answer.url) as told:
        document = page.reload()
    assert document is not None
    sizes = [_weight(answer) for answer in (document, told.value)]
    return [
        line("page of such a session, compressed", sizes[0], PAGE_KB, "kB"),
        f"  {'its copy of the session, compressed':38} {sizes[1]:8.2f} kB",
    ]


def _weight(answer: Response) -> float:
    answer.finished()
    return answer.request.sizes()["responseBodySize"] / 1000


def _first_step(page: Page) -> list[str]:
    """From the click on Run to the first token on the screen, less what the engine took."""
    taken: list[float] = []

    def note(frame: str | bytes) -> None:
        if isinstance(frame, str) and '"type":"step"' in frame[:80]:
            taken.append(float(json.loads(frame)["payload"]["ms"]))

    page.on("websocket", lambda socket: socket.on("framereceived", note))
    over = []
    for _ in range(ROUNDS):
        _start(page, "stories", 64)
        taken.clear()
        page.evaluate(FIRST_STEP)
        _run(page)
        over.append(page.evaluate("window.firstStep") - taken[0])
    name = "first step on the screen, over engine's"
    return [line(name, statistics.median(over), FIRST_MS, of=over)]


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
    return [line("slider to repaint", statistics.median(times), SLIDER_MS, of=times)]
