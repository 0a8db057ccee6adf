"""What is measured on a GPU, part by part; `gpu` runs them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice

import torch
from torch import Tensor

from benchmarks import models
from benchmarks.engine import bare_forwards, states_of
from benchmarks.timing import in_turn, table
from inference.engine import checkpoint, digest
from inference.engine.batching import Batcher
from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.loop import generate
from inference.engine.digest_device import columns_of, tail_counts
from inference.engine.forward import Request, forward_many, logits
from inference.engine.relocation import is_out_of_memory, may_move, move_to_cpu, where_it_is

PLACES, STEPS = 128, 8
BATCHES = (1, 2, 4, 8, 16)
SHARE, DIGEST_MS = 0.9, 1.0
RUNS = 8
LONG = 1024
"""Places of the run that no longer finds room: its logits take half a gigabyte."""


@dataclass(frozen=True)
class Bench:
    """What is measured: the large model, one for the lack of memory, and how often."""

    device: torch.device
    model: LoadedModel
    small: Callable[[], LoadedModel]
    long: int
    rounds: int


def _canvas(model: LoadedModel, places: int = PLACES, prompt: int = 8) -> Canvas:
    return Canvas.start(list(range(prompt)), places, model.spec.mask_id or 0)


def steps(bench: Bench) -> Iterator[str]:
    """What of the bare forward's rate is left to a run, without and with the digests."""
    model = bench.model
    canvas = _canvas(model)
    for heat in (0.0, 1.0):
        plan = states_of(model, canvas, heat, STEPS)
        results = in_turn(
            {
                "bare forward": partial(bare_forwards, model, plan),
                "engine": partial(_run, model, canvas, heat),
                "engine with digests": partial(_run, model, canvas, heat, True),
            },
            bench.rounds,
        )
        title = f"{PLACES} places in {STEPS} steps, T = {heat}"
        yield from table(title, results, STEPS, "bare forward")
        for name in ("engine", "engine with digests"):
            share = results["bare forward"].over(results[name])
            yield f"  {name}: {share:.3f} of the bare forward's rate, aim {SHARE}"


def _run(model: LoadedModel, canvas: Canvas, heat: float, digests: bool = False) -> list[int]:
    excluded = digest.excluded_ids(model.spec)
    values = {"steps": STEPS, "temperature": heat}
    tokens = canvas.tokens
    for step in generate(model, canvas, "llada/low_confidence", values, seed=0):
        if digests:
            digest.reduce(step.logits, step.positions, excluded)
        tokens = step.canvas.tokens
    _synchronise(model)
    return tokens


def digests(bench: Bench) -> Iterator[str]:
    """The digest of 128 rows of LLaDA's vocabulary: as the engine makes it, and its parts."""
    model = bench.model
    canvas = _canvas(model)
    rows = canvas.open_positions
    found = logits(model, canvas.tokens, rows)
    excluded = digest.excluded_ids(model.spec)
    below = found[:, :1] - found
    named = found.topk(128).indices
    results = in_turn(
        {
            "forward": lambda: _synchronised(model, lambda: logits(model, canvas.tokens, rows)),
            "digest": lambda: digest.reduce(found, rows, excluded),
            "its best tokens alone": lambda: _synchronised(model, lambda: found.topk(129)),
            "its counts alone": lambda: _synchronised(
                model, lambda: tail_counts(below, named, len(excluded))
            ),
            "reduced and written": lambda: digest.encode(found, rows, excluded),
        },
        3 * bench.rounds,
        warmup=3,
    )
    yield from table(f"digest of {len(rows)} x {found.shape[1]}", results, 1, "forward")
    yield f"  digest: {results['digest'].median:.2f} ms, aim {DIGEST_MS}"
    yield f"  the same as on a CPU: {_same_digest(found[:8], excluded)}"


def _same_digest(found: Tensor, excluded: list[int]) -> str:
    """How the device's columns differ from those of the same arithmetic on the CPU."""
    places = range(len(found))
    here = columns_of(found.cpu(), places, excluded, 128, 15).found
    there = columns_of(found, places, excluded, 128, 15).found
    off = abs(here - there).max() / abs(here).max()
    return f"largest relative difference {off:.1e}"


def batches(bench: Bench) -> Iterator[str]:
    """Requests of several people in one forward: what each of them costs."""
    model, canvas = bench.model, _canvas(bench.model)
    one = Request(
        torch.tensor(canvas.tokens, device=model.device),
        torch.tensor(canvas.open_positions, device=model.device),
    )
    names = {f"{count} in one forward": count for count in BATCHES}
    contenders = {
        name: partial(_synchronised, model, partial(forward_many, model, [one] * count))
        for name, count in names.items()
    }
    results = in_turn(contenders, bench.rounds)
    first = results["1 in one forward"].median
    yield f"forwards of {len(canvas)} tokens  (ms; requests a second to those of one alone)"
    for name, count in names.items():
        found = results[name]
        yield f"  {name:<34} {found.median:9.2f}  x {count * first / found.median:.2f}"


def memory(bench: Bench) -> Iterator[str]:
    """A run whose device fills up between two steps: the model moves to the CPU and goes on."""
    model = bench.small()
    canvas = _canvas(model, bench.long)
    alone = _lone(model, canvas)
    moved: list[str] = []

    def rescue(model: LoadedModel, error: BaseException) -> bool:
        if not may_move(model, error):
            return False
        move_to_cpu(model)
        moved.append(type(error).__name__)
        return True

    engine = Batcher(where_it_is(forward_many), rescue=rescue)
    try:
        run = generate(
            model, canvas, "llada/low_confidence", {"steps": bench.long // 8}, 0, forward=engine
        )
        tokens = next(run).canvas.tokens
        hog = _fill(bench.device)
        seconds = -time.perf_counter()
        tokens = next(run).canvas.tokens
        seconds += time.perf_counter()
        del hog
    finally:
        engine.close()
    equal = sum(a == b for a, b in zip(tokens, alone, strict=True))
    yield f"a run over {len(canvas)} tokens while the device fills up"
    yield f"  moved to the CPU: {moved or 'no'}, now on {model.device}, step of {seconds:.1f} s"
    yield f"  tokens as in a run with room: {equal} of {len(tokens)}"
    yield f"  CUDA memory still taken by it: {_taken(bench)}"


def _lone(model: LoadedModel, canvas: Canvas) -> list[int]:
    """The tokens after two steps where there is room."""
    values = {"steps": len(canvas.open_positions) // 8}
    run = generate(model, canvas, "llada/low_confidence", values, 0)
    return list(islice(run, 2))[-1].canvas.tokens


def _fill(device: torch.device) -> list[Tensor]:
    """Everything that the device has left, down to 64 MB."""
    if device.type != "cuda":
        return []
    torch.cuda.empty_cache()
    hog: list[Tensor] = []
    for size in (2**30, 2**26, 2**24):
        try:
            while torch.cuda.mem_get_info()[0] > size + 2**26:
                hog.append(torch.empty(size, dtype=torch.uint8, device=device))
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
    return hog


def _taken(bench: Bench) -> str:
    if bench.device.type != "cuda":
        return "none here"
    held = sum(part.numel() * part.element_size() for part in bench.model.model.parameters())
    return f"{(torch.cuda.memory_allocated() - held) / 2**20:.0f} MB"


def parity(bench: Bench) -> Iterator[str]:
    """Shipped models in float32: the same tokens on the device as on the CPU."""
    yield f"shipped models in float32 on {bench.device} and on the CPU"
    for name in models.DIFFUSION:
        here = models.shipped(name)
        there = checkpoint.load(models.SHIPPED / name, device=bench.device, dtype="float32")
        for heat in (0.0, 0.7):
            pairs = [(_shipped_run(m, n, heat) for m in (here, there)) for n in range(RUNS)]
            same = sum(one == other for one, other in pairs)
            yield f"  {name:<10} T = {heat}: {same} of {RUNS} runs with the same tokens"


def _shipped_run(model: LoadedModel, number: int, heat: float) -> list[int]:
    known = set(model.spec.named_ids().values())
    plain = [token for token in range(model.spec.vocab_size) if token not in known]
    prompt = [plain[(7 * number + place) % len(plain)] for place in range(3 + number)]
    places = min(32, model.context - len(prompt))
    canvas = Canvas.start(prompt, places, model.spec.mask_id or 0)
    values = {"steps": 8, "temperature": heat}
    *_, last = generate(model, canvas, "llada/low_confidence", values, number)
    return last.canvas.tokens


def _synchronised(model: LoadedModel, work: Callable[[], object]) -> None:
    work()
    _synchronise(model)


def _synchronise(model: LoadedModel) -> None:
    if model.device.type == "cuda":
        torch.cuda.synchronize()


PARTS: dict[str, Callable[[Bench], Iterator[str]]] = {
    "steps": steps,
    "digest": digests,
    "batches": batches,
    "parity": parity,
    "memory": memory,
}
