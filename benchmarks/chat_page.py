"""What a conversation costs in the browser: opening a thousand turns, script, memory.

A real Chromium looks at a real site with the shipped model.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

import torch
from playwright.sync_api import Page

from benchmarks.browser import FRAMES, browser, counters, heap, line, metrics
from benchmarks.served import ROOT, serving

TURNS, ROUNDS, ANSWERS = 1000, 5, 6
OPEN_MS, SCRIPT_MS, FRAME_MS, GROWTH_MB = 1000, 10, 50, 8
TYPED = "and then the dog ran to the park "
SEND = {"message": "Once upon a time", "model": "stories"}
FILL = """
from playground.models import Conversation, Message
found = Conversation.objects.get(pk="{id}")
parent = found.head
rows = []
for n in range({turns}):
    text = ("turn %d: " % n) + "the dog ran to the park and saw a cat. " * 6
    parent = Message.objects.create(conversation=found, parent=parent, text=text,
        role=("user", "assistant")[n % 2], html="<p>%s</p>" % text)
Conversation.objects.filter(pk=found.pk).update(head=parent)
"""
SHOWN = "() => document.querySelectorAll('.turn').length >= 60 && performance.now()"


def measure() -> Iterator[str]:
    """Lines of the report as they are measured, each figure beside its budget."""
    threads = torch.get_num_threads()
    settings = {"ALLOW_GUESTS": "1", "DEFAULT_MODEL": "stories"}
    with serving(threads, **settings) as server, browser(server.address) as page:
        _begin(page)
        _fill(server.data, page.url)
        yield _opening(page)
        yield from _streaming(page)


def _begin(page: Page) -> None:
    page.goto("/chat/?model=stories")
    page.locator("#id_message").fill(SEND["message"])
    page.get_by_role("button", name="Send").click()
    page.wait_for_url("**/chat/*-*/**")
    _wait_for_the_end(page)


def _wait_for_the_end(page: Page) -> None:
    page.locator(".turn-assistant[data-status=done]").last.wait_for()
    page.wait_for_function("!document.querySelector('[data-live]')")


def _fill(data: str, address: str) -> None:
    """A thousand turns behind the first answer, written straight into the database."""
    id = address.rstrip("/").rpartition("/")[2]
    code = FILL.format(id=id, turns=TURNS)
    environment = {**os.environ, "DATA_DIR": data}
    command = [sys.executable, "manage.py", "shell", "--verbosity", "0", "-c", code]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)


def _opening(page: Page) -> str:
    """From the request to the last turns on the page, laid out and scrolled to their end."""
    times = []
    for _ in range(ROUNDS):
        page.reload(wait_until="commit")
        times.append(float(page.wait_for_function(SHOWN).json_value()))
    name = f"{TURNS} turns, opened at their end"
    return line(name, statistics.median(times), OPEN_MS, of=times)


def _streaming(page: Page) -> list[str]:
    """Answers one after the other, while somebody types."""
    devtools = counters(page)
    _answer(page)
    page.evaluate(FRAMES)
    before, used = metrics(devtools), heap(devtools)
    seconds = sum(_answer(page) for _ in range(ANSWERS))
    after = metrics(devtools)
    late = sorted(page.evaluate("window.lateness"))
    script = 1000 * (after["ScriptDuration"] - before["ScriptDuration"]) / len(late)
    growth = (heap(devtools) - used) / 2**20
    return [
        line("script on the main thread a frame", script, SCRIPT_MS),
        line("slowest frame of a hundred", late[int(0.99 * len(late))], FRAME_MS),
        line(f"memory more after {ANSWERS} answers", growth, GROWTH_MB, "MB"),
        f"  {len(late)} frames in {seconds:.1f} s of answers, a key every 50 ms meanwhile",
    ]


def _answer(page: Page) -> float:
    """Send, and type the next message until the answer is there. Returns the seconds."""
    began = time.monotonic()
    page.locator("#id_message").fill(SEND["message"])
    page.locator("#id_message").press("Enter")
    page.locator("[data-live]").wait_for()
    page.locator("#id_message").press_sequentially(TYPED, delay=50)
    page.wait_for_function("!document.querySelector('[data-live]')")
    return time.monotonic() - began
