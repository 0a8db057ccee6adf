"""Tokens a second of a training through the whole site, beside the same steps in a bare loop.

Both are processes of their own with the same threads and priority. The site's time is that between
its first and its last point as its socket tells them: held-out loss, kept moments with samples,
checkpoints, worker, database and socket are all in it.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import statistics
import tempfile
import time
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

import torch
from websockets.sync.client import connect

from benchmarks.served import serving
from inference.engine.corpora.library import LIBRARY
from inference.engine.training.texts.child import NICE
from inference.engine.training.texts.session import Order, TextTraining
from inference.engine.training.texts.settings import PRESETS

CORPUS, KIND, PRESET, STEPS, ROUNDS = "stories", "characters", "small", 600, 2
RATIO = 0.9
SIZES = PRESETS[PRESET]
TOKENS_A_STEP = SIZES.batch_size * (SIZES.context + 1)
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


def measure() -> list[str]:
    """Lines of the report."""
    threads = max(1, torch.get_num_threads() - 1)  # one core is the site's
    site, bare = list[float](), list[float]()
    with serving(threads, TORCH_THREADS=str(threads)) as server:
        for _ in range(ROUNDS):
            bare.append(_in_a_process(threads))
            site.append(_through_the_site(server.address))
    ratio = statistics.median(mine / theirs for mine, theirs in zip(site, bare, strict=True))
    return [
        f"  {STEPS} steps of a {PRESET} model ({KIND} of {CORPUS}), {threads} thread(s)",
        f"  bare loop        {statistics.median(bare):9.0f} tokens/s",
        f"  through the site {statistics.median(site):9.0f} tokens/s",
        f"  ratio {ratio:.2f}, budget {RATIO} at least",
    ]


def _in_a_process(threads: int) -> float:
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(bare_loop, (threads,))


def bare_loop(threads: int) -> float:
    """Tokens a second of nothing but steps."""
    os.nice(NICE)
    torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "corpus.txt"
        text.write_text(LIBRARY[CORPUS].read(0), encoding="utf-8")
        order = Order(KIND, "", "", "", text, Path(folder), [[0, STEPS]], SIZES)
        trainer = TextTraining(order).trainer
        began = time.perf_counter()
        for step in range(STEPS):
            trainer.step(step / STEPS)
        return STEPS * TOKENS_A_STEP / (time.perf_counter() - began)


def _through_the_site(address: str) -> float:
    """Tokens a second between the first point and the end, as a watcher's clock has it."""
    id, cookie = _begin(address)
    headers = {"Cookie": cookie, "Origin": f"http://{address}"}
    moments: list[tuple[float, int]] = []
    url = f"ws://{address}/ws/training/{id}"
    with connect(url, additional_headers=headers, max_size=None) as socket:
        while True:
            frame = json.loads(socket.recv(timeout=600))
            status = frame.get("status", {})
            if frame["type"] == "points":
                moments.append((time.perf_counter(), frame["points"][-1]["step"]))
            if status.get("state") in ("done", "failed"):
                break
    if status["state"] != "done":
        raise RuntimeError(status["error"]["message"])
    (began, first), (ended, last) = moments[0], moments[-1]
    return (last - first) * TOKENS_A_STEP / (ended - began)


def _begin(address: str) -> tuple[str, str]:
    """The id of a new training of a guest's, and the guest's cookies."""
    jar = CookieJar()
    opener = build_opener(HTTPCookieProcessor(jar))
    page = opener.open(f"http://{address}/training/").read().decode()
    found = TOKEN.search(page)
    assert found is not None
    form = {"kind": KIND, "corpus": CORPUS, "preset": PRESET, "steps": str(STEPS)}
    body = urlencode({**form, "csrfmiddlewaretoken": found[1]}).encode()
    asked = Request(f"http://{address}/training/new/", body, {"Accept": "application/json"})
    reply = json.loads(opener.open(asked).read())
    return reply["training_id"], "; ".join(f"{one.name}={one.value}" for one in jar)
