"""SmolLM2-135M-Instruct as its package brings it: token by token, and as a model that denoises.

The twin is the shipped one; it writes on to the end of the canvas, where answers would stop.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import torch
from transformers import DynamicCache

from benchmarks import real_site, residency
from benchmarks.timing import in_turn, table
from inference.engine import checkpoint, digest
from inference.engine.batching import Batcher
from inference.engine.block_cache import BlockForward
from inference.engine.canvas import Canvas
from inference.engine.causal.engine import CausalEngine
from inference.engine.causal.prefixes import PrefixStore
from inference.engine.causal.steps import step
from inference.engine.chat import chat_ids
from inference.engine.chat_templates import Message
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.loop import generate
from inference.engine.forward import ForwardMany, forward_many
from inference.packages import PACKAGED, path_of

SLUG = "smollm2-135m-instruct"
TWIN = Path(__file__).resolve().parents[1] / "inference" / "shipped" / "smollm2-135m-twin"
TOKENS, PLACES, PACE = 24, 96, 4
QUESTION = "What is the capital of France?"


def measure(rounds: int = 3) -> list[str]:
    """Ratios of one run, in the precision of the package's file."""
    path = path_of(SLUG)
    if path is None:
        return [f"not measured: `{PACKAGED[SLUG].command}` brings the model"]
    model = checkpoint.load(path)
    ids = chat_ids(model, [Message("user", QUESTION)])
    return [
        *_alone(model, ids, rounds),
        *_company(model, ids, rounds),
        *_llama_cpp(path, ids, rounds),
        *_twin(rounds),
        *residency.lines([SLUG, TWIN.name], [path, TWIN]),
        *real_site.lines(checkpoint.load(TWIN), [SLUG, TWIN.name]),
    ]


def _alone(model: LoadedModel, ids: list[int], rounds: int) -> list[str]:
    results = in_turn(
        {
            "bare cached forward": partial(bare, model, ids, TOKENS),
            "engine": partial(written, model, ids, TOKENS),
            "transformers generate": partial(native, model, ids, TOKENS),
        },
        rounds,
    )
    engine, plain = results["engine"], results["bare cached forward"]
    title = f"{SLUG}, {model.dtype}, {len(ids)} tokens read, {TOKENS} written"
    return [
        *table(title, results, TOKENS, "bare cached forward"),
        f"  engine / bare cached forward: {engine.over(plain):.2f}",
        f"  engine / transformers generate: {engine.over(results['transformers generate']):.2f}",
        *_prefill(model, rounds),
    ]


@torch.inference_mode()
def bare(model: LoadedModel, ids: list[int], count: int) -> list[int]:
    """The least that greedy decoding with a cache can do."""
    cache, given, found = DynamicCache(), torch.tensor([ids]), list[int]()
    for _ in range(count):
        output = model.model(
            input_ids=given, past_key_values=cache, use_cache=True, logits_to_keep=1
        )
        given = output.logits[:, -1].argmax(-1, keepdim=True)
        found.append(int(given))
    return found


def written(model: LoadedModel, ids: list[int], count: int) -> list[int]:
    """By the engine, nothing known before."""
    engine = CausalEngine(model, PrefixStore(0))
    return [one.token for one in engine.generate(ids, max_tokens=count, end=False)]


@torch.inference_mode()
def native(model: LoadedModel, ids: list[int], count: int) -> list[int]:
    """By transformers' own loop, which may not end before the others."""
    output = model.model.generate(  # type: ignore[operator]
        torch.tensor([ids]),
        attention_mask=torch.ones(1, len(ids), dtype=torch.long),
        do_sample=False,
        max_new_tokens=count,
        min_new_tokens=count,
        use_cache=True,
    )
    return output[0, len(ids) :].tolist()  # type: ignore[no-any-return]


def _prefill(model: LoadedModel, rounds: int) -> list[str]:
    """A long text read once, and once more when its beginning is known."""
    engine = CausalEngine(model)
    ids = [17 + 31 * n % 40_000 for n in range(256)]

    def known() -> None:
        engine.next_distribution([*ids, 50], 1)

    known()
    fresh = partial(CausalEngine(model, PrefixStore(0)).next_distribution, ids, 1)
    results = in_turn({"256 tokens read": fresh, "256 known, 1 read": known}, rounds)
    return table("reading", results, 1, "256 tokens read")


def _company(model: LoadedModel, ids: list[int], rounds: int, people: int = 8) -> list[str]:
    jobs = [[*ids, 100 + n] for n in range(people)]
    results = in_turn(
        {
            "eight in turn": lambda: [written(model, job, TOKENS) for job in jobs],
            "eight together": partial(_together, model, jobs),
        },
        rounds,
    )
    gain = results["eight in turn"].over(results["eight together"])
    return [
        *table("eight answers", results, people * TOKENS, "eight in turn"),
        f"  eight together are {gain:.2f} times as quick as eight in turn",
    ]


def _together(model: LoadedModel, jobs: list[list[int]]) -> None:
    batcher = Batcher(cast(Any, step))
    engine = CausalEngine(model, PrefixStore(0), batcher, batcher.submit)
    try:
        with ThreadPoolExecutor(len(jobs)) as pool:
            answers = [engine.generate(job, max_tokens=TOKENS, end=False) for job in jobs]
            list(pool.map(list, answers))
    finally:
        batcher.close()


def _llama_cpp(path: Path, ids: list[int], rounds: int) -> list[str]:
    """llama.cpp on the same file in its own four bits, where it is installed."""
    if find_spec("llama_cpp") is None:
        return ["  llama-cpp-python is not installed here: not measured"]
    from llama_cpp import Llama  # type: ignore[import-not-found]

    model = Llama(str(path), n_threads=torch.get_num_threads(), n_ctx=512, verbose=False)

    def run() -> None:
        model.reset()
        for number, _ in enumerate(model.generate(ids, temp=0.0), 1):
            if number == TOKENS:
                break

    return table("llama.cpp, 4 bits", in_turn({"llama.cpp": run}, rounds), TOKENS, "llama.cpp")


def _twin(rounds: int) -> list[str]:
    twin = checkpoint.load(TWIN)
    assert twin.spec.block_size is not None
    ids = chat_ids(twin, [Message("user", QUESTION)])
    canvas = Canvas.start(ids, PLACES, twin.spec.mask_id or 0)
    taken = sorted(denoised(twin, canvas, BlockForward(PrefixStore(2**28)), 1))
    results = in_turn(
        {
            "whole forwards": partial(denoised, twin, canvas, forward_many),
            "finished blocks kept": partial(_kept, twin, canvas),
            "kept, with digests": partial(_kept, twin, canvas, True),
        },
        max(1, rounds // 3),
        warmup=0,
    )
    share = results["kept, with digests"].over(results["finished blocks kept"]) - 1
    title = f"its twin, {PLACES} places, blocks of {twin.spec.block_size}, {PACE} tokens a step"
    return [
        *table(title, results, PLACES // PACE, "whole forwards"),
        f"  digests of {twin.spec.vocab_size} logits add {share:.0%} to a step",
        f"  one token a step, finished blocks kept: median {taken[len(taken) // 2]:.0f} ms, "
        f"95 of 100 below {taken[int(0.95 * len(taken))]:.0f} ms, {len(taken)} steps",
    ]


def _kept(twin: LoadedModel, canvas: Canvas, digests: bool = False) -> None:
    denoised(twin, canvas, BlockForward(PrefixStore(2**28)), digests=digests)


def denoised(
    twin: LoadedModel,
    canvas: Canvas,
    forward: ForwardMany,
    pace: int = PACE,
    digests: bool = False,
) -> list[float]:
    """Milliseconds of each step at `pace` tokens a step, to the last place."""
    settings = {"temperature": 0.0, "threshold": 1.0, "logits_eos_inf": True}
    settings |= {"tokens_per_step": pace, "stop_after_block": False}
    taken, began = [], time.perf_counter()
    for result in generate(twin, canvas, "llada2/threshold", settings, 0, forward=forward):
        if digests:
            digest.encode(result.logits, result.positions, [canvas.mask_id, *twin.spec.barred])
        taken.append(1000 * (time.perf_counter() - began))
        began = time.perf_counter()
    return taken
