"""Fast-dLLM's caches here, beside a plain loop that computes what its own code computes.

Not its code: a loop over the same native model, with the same forwards. What that code computes and
this engine does not: logits of every evaluated place, and a float64 softmax over all of them
(NVlabs/Fast-dLLM, v1/llada/generate.py, generate_with_prefix_cache and generate_with_dual_cache).
Lengths and threshold are those of its evaluation (v1/llada/eval.md: length 256, block_length 32,
threshold 0.9, num_fewshot 5), and so is bfloat16, in which it loads the model: beside a prompt of
one line stands one of some 900 places, as five worked questions of GSM8K and a sixth take. Both
write the same tokens (the engine in its published form), which is checked before timing; in
float32, since in bfloat16 the order of a sum can decide between equals.

A random model is never sure, so that each forward writes one token. Of such a run only as many
forwards are made as a block takes that writes four tokens in each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import islice, product

import torch
from torch import Tensor
from transformers import DynamicCache

from benchmarks import models
from benchmarks.timing import Measured, in_turn, table
from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.kv_cache import InPlaceCache
from inference.engine.decoding.loop import generate
from inference.engine.decoding.step_result import StepResult

LINE, FIVE_SHOTS = 32, 896
PLACES, BLOCK, THRESHOLD, GOAL = 256, 32, 0.9, 2.0
FEW, ALL = BLOCK // 4, 10_000
"""Forwards that are made: of a random model's run, and of one that comes to its end."""
Step = Callable[[LoadedModel, Tensor, DynamicCache, int, int], Tensor]
FORMS: dict[str, Step]


def measure() -> Iterator[str]:
    """Lines of the report: a small model, and a body of 135 M under the vocabulary of LLaDA."""
    small = models.shipped()
    canvas = _canvas(small, LINE)
    for name in FORMS:
        yield from _lines("shipped model", small, canvas, name, _same_tokens(small, canvas, name))
    body = models.body_of_135m()
    for name in FORMS:
        _same_tokens(body, _canvas(body, LINE), name, FEW)
    body.model.to(torch.bfloat16)
    body = replace(body, dtype=torch.bfloat16)
    for prompt, name in product((LINE, FIVE_SHOTS), FORMS):
        yield from _lines("body of 135 M", body, _canvas(body, prompt), name, FEW, rounds=2)


def _lines(
    title: str, model: LoadedModel, canvas: Canvas, name: str, forwards: int, rounds: int = 5
) -> Iterator[str]:
    contenders: dict[str, Callable[[], object]] = {
        "its own loop": partial(published_arithmetic, model, canvas, FORMS[name], forwards),
        "here": partial(_engine, model, canvas, name, forwards),
    }
    results = in_turn(contenders, rounds, warmup=int(rounds > 2))
    kind = str(model.dtype).removeprefix("torch.")
    size = f"{canvas.prompt_length} + {len(canvas) - canvas.prompt_length} places"
    head = f"{title}, {kind}, {size}, {name} cache, {forwards} forwards"
    yield from table(head, results, forwards, "here")
    yield _products_line(model, _work(model, canvas, name, forwards), results)
    yield f"  its own loop / here: {results['its own loop'].over(results['here']):.2f}, goal {GOAL}"


def _canvas(model: LoadedModel, prompt: int) -> Canvas:
    """The published length, or as many blocks as the model's context has room for."""
    places = min(PLACES, (model.context - prompt) // BLOCK * BLOCK)
    return Canvas.start(list(range(prompt)), places, model.spec.mask_id or 0)


def _work(model: LoadedModel, canvas: Canvas, name: str, forwards: int) -> list[tuple[int, int]]:
    """Of each forward: how many places it evaluates, and how many go through the head."""
    begun, found = set(), []
    for step in _engine(model, canvas, name, forwards):
        start, end = step.block
        later = end - start if name == "dual" else len(canvas) - start
        found.append((later if start in begun else len(canvas), len(step.positions)))
        begun.add(start)
    return found


def _products_line(
    model: LoadedModel, work: list[tuple[int, int]], results: Mapping[str, Measured]
) -> str:
    """What no loop with this cache can save."""
    least = in_turn({"alone": partial(_products, model, work)}, 2)["alone"].median
    share, bound = least / results["here"].median, results["its own loop"].median / least
    return (
        f"  matrix products alone: {least / len(work):.2f} ms a step, {share:.0%} of it here;"
        f" its own loop / these: {bound:.2f}"
    )


@torch.inference_mode()
def _products(model: LoadedModel, work: list[tuple[int, int]]) -> None:
    """Every linear layer on the places that each forward evaluates, the head on those it reads."""
    head = model.model.get_output_embeddings()  # type: ignore[operator]
    linear = [one for one in model.model.modules() if isinstance(one, torch.nn.Linear)]
    for places, read in work:
        for layer in linear:
            rows = read if layer is head else places
            layer(torch.ones(rows, layer.in_features, dtype=model.dtype))


def _engine(model: LoadedModel, canvas: Canvas, name: str, forwards: int) -> list[StepResult]:
    values = {"block_length": BLOCK, "threshold": THRESHOLD, "official": True}
    run = generate(model, canvas, f"fastdllm/{name}", values, seed=0)
    return list(islice(run, forwards))


def _same_tokens(model: LoadedModel, canvas: Canvas, name: str, forwards: int = ALL) -> int:
    """The forwards that both make. Raises RuntimeError if they do not write the same."""
    made = _engine(model, canvas, name, forwards)
    official = published_arithmetic(model, canvas, FORMS[name], forwards)
    if made[-1].canvas.tokens != official.tolist():
        raise RuntimeError(f"the {name} cache writes other tokens than its own loop")
    return len(made)


@torch.inference_mode()
def published_arithmetic(model: LoadedModel, canvas: Canvas, step: Step, forwards: int) -> Tensor:
    """Denoise the canvas block by block with a threshold, in so many forwards at most: ids [L]."""
    ids = torch.tensor(canvas.tokens)
    for start in range(canvas.prompt_length, len(ids), BLOCK):
        end, cache = start + BLOCK, DynamicCache()
        while forwards and bool((ids[start:end] == canvas.mask_id).any()):
            if cache.get_seq_length():
                begin, logits = start, step(model, ids, cache, start, end)
            else:
                begin, logits = 0, _everything(model, ids, cache)
            _write(ids, begin, end, logits, canvas.mask_id)
            forwards -= 1
    return ids


def _everything(model: LoadedModel, ids: Tensor, cache: DynamicCache) -> Tensor:
    found: Tensor = model.model(input_ids=ids[None], past_key_values=cache, use_cache=True).logits
    return found[0]


def suffix(model: LoadedModel, ids: Tensor, cache: DynamicCache, start: int, end: int) -> Tensor:
    """Everything from the block on, behind the keys of what stands before it."""
    if (surplus := cache.get_seq_length() - start) > 0:
        cache.crop(-surplus)
    places = torch.arange(start, len(ids))[None]
    given = {"position_ids": places, "past_key_values": cache, "use_cache": True}
    found: Tensor = model.model(input_ids=ids[None, start:], **given).logits[0]
    return found


def block_alone(
    model: LoadedModel, ids: Tensor, cache: DynamicCache, start: int, end: int
) -> Tensor:
    """The block among the keys of everything else."""
    seen = torch.ones(1, 1, end - start, len(ids), dtype=torch.bool)
    given = {"position_ids": torch.arange(start, end)[None], "attention_mask": seen}
    kept = InPlaceCache(cache, start)
    output = model.model(
        input_ids=ids[None, start:end], past_key_values=kept, use_cache=True, **given
    )
    found: Tensor = output.logits[0]
    return found


def _write(ids: Tensor, start: int, end: int, logits: Tensor, mask: int) -> None:
    """Commit what reaches the threshold among logits [n, V] of the places from `start` on."""
    chosen = logits.argmax(-1)
    sure = logits.double().softmax(-1).gather(-1, chosen[:, None])[:, 0]
    window = ids[start : start + len(logits)]
    open_places = window == mask
    open_places[end - start :] = False
    sure = sure.masked_fill(~open_places, float("-inf"))
    take = open_places & (sure >= THRESHOLD)
    take[sure.argmax()] = True
    window[take] = chosen[take]


FORMS = {"prefix": suffix, "dual": block_alone}
