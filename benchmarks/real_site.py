"""The twin through the site beside the bare engine, and what the site's process grows by."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch

from benchmarks import residency
from benchmarks.served import Client, serving
from benchmarks.timing import Measured, in_turn, table
from inference.engine import digest
from inference.engine.block_cache import BlockForward
from inference.engine.canvas import Canvas
from inference.engine.causal.prefixes import PrefixStore
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.loop import generate

PROMPT, PLACES = "What is the capital of France?", 32
SETTINGS: dict[str, Any] = {
    "temperature": 0.0, "threshold": 1.0, "tokens_per_step": 1, "logits_eos_inf": True,
    "stop_after_block": False,
}  # fmt: skip
RECIPE, RATIO = "llada2/threshold", 1.15


def lines(twin: LoadedModel, slugs: list[str]) -> list[str]:
    """Lines of the report; `slugs` are the models that the site loads, the twin last.

    The site runs them in the precision of `twin`, and keeps no logits: equal runs would be found
    again instead of computed.
    """
    dtype = str(twin.dtype).removeprefix("torch.")
    with serving(torch.get_num_threads(), DTYPE=dtype, LOGITS_CACHE_MB="0") as server:
        client = Client(server.address)
        before = residency.resident(server.pid)
        for slug in slugs:
            client.ask("load_model", "model_load_result", model_path=slug)
        grown = residency.resident(server.pid) - before
        results = _steps(client, twin, slugs[-1])
        client.close()
    site, engine = results["the whole site"], results["engine"]
    return [
        *table(f"a session of the twin, {PLACES} places or more", results, 1, "engine"),
        f"  the whole site / engine: {site.over(engine):.2f}, budget {RATIO}",
        f"  the site's process grew by {grown / residency.MEGABYTE:.0f} MiB with both models",
    ]


def _steps(client: Client, twin: LoadedModel, slug: str) -> dict[str, Measured]:
    canvas = _canvas(client, twin, slug)
    forward = BlockForward(PrefixStore(2**28))
    return in_turn(
        {
            "engine": partial(_denoised, twin, canvas, forward),
            "the whole site": partial(_followed, client, slug, twin.spec.block_size or 1),
        },
        3,
    )


def _denoised(twin: LoadedModel, canvas: Canvas, forward: BlockForward) -> None:
    """In the bare engine, with what the site keeps of each step."""
    for result in generate(twin, canvas, RECIPE, SETTINGS, 0, forward=forward):
        digest.encode(result.logits, result.positions, [canvas.mask_id, *twin.spec.barred])


def _canvas(client: Client, twin: LoadedModel, slug: str) -> Canvas:
    """The site's own: its prompt in the twin's template, and its places."""
    state = _initialized(client, slug)["state"]
    ids, given = state["token_ids"], state["prompt_length"]
    return Canvas.start(ids[:given], len(ids) - given, twin.spec.mask_id or 0)


def _initialized(client: Client, slug: str) -> dict[str, Any]:
    return client.ask("initialize", "state_update", model=slug, prompt=PROMPT, gen_length=PLACES)


def _followed(client: Client, slug: str, block: int) -> None:
    """A fresh session, run and followed to its end; every step arrives as an event.

    The last block is filled up to its border, with steps of its own.
    """
    state = _initialized(client, slug)["state"]
    length = len(state["token_ids"])
    steps = length - state["prompt_length"] + -length % block
    client.run_to_its_end(steps, recipe=RECIPE, parameters=SETTINGS)
