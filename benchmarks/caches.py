"""Fast-dLLM's caches here, beside a plain loop that computes what its own code computes.

Not its code: a loop over the same native model, with the same forwards. What that code computes and
this engine does not: logits of every evaluated place, and a float64 softmax over all of them
(NVlabs/Fast-dLLM, v1/llada/generate.py, generate_with_prefix_cache and generate_with_dual_cache).
Both write the same tokens (the engine in its published form), which is checked before timing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from benchmarks import models
from benchmarks.timing import in_turn, table
from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.kv_cache import InPlaceCache
from inference.engine.decoding.loop import generate

PROMPT, BLOCK, THRESHOLD, GOAL = 32, 32, 0.9, 2.0
Step = Callable[[LoadedModel, Tensor, DynamicCache, int, int], Tensor]


def measure() -> Iterator[str]:
    """Lines of the report: a small model, and a body of 135 M under the vocabulary of LLaDA."""
    yield from _lines("shipped model", models.shipped(), 128, 5)
    yield from _lines("body of 135 M", models.body_of_135m(), 64, 1)


def _lines(title: str, model: LoadedModel, places: int, rounds: int) -> Iterator[str]:
    canvas = Canvas.start(list(range(PROMPT)), places, model.spec.mask_id or 0)
    for name, step in (("prefix", suffix), ("dual", block_alone)):
        forwards = _same_tokens(model, canvas, name, step)
        contenders: dict[str, Callable[[], object]] = {
            "its own loop": partial(published_arithmetic, model, canvas, step),
            "here": partial(_engine, model, canvas, name),
        }
        results = in_turn(contenders, rounds, warmup=int(rounds > 1))
        head = f"{title}, vocabulary {model.spec.vocab_size}, {name} cache, {forwards} forwards"
        yield from table(head, results, forwards, "here")
        ratio = results["its own loop"].over(results["here"])
        if step is block_alone:
            yield _products_line(model, results["here"].median / forwards)
        yield f"  its own loop / here: {ratio:.2f}, goal {GOAL}"


def _products_line(model: LoadedModel, forward: float) -> str:
    """What no loop can save: the matrices, which are read whole however few rows they are given."""
    products = in_turn({"alone": partial(_products, model)}, 5)["alone"].median
    share = products / forward
    return f"  matrix products of such a forward alone: {products:.2f} ms, {share:.0%} of it"


@torch.inference_mode()
def _products(model: LoadedModel) -> None:
    """Every linear layer on the rows of a block, the head on half of them: those that are open."""
    head = model.model.get_output_embeddings()  # type: ignore[operator]
    for layer in model.model.modules():
        if isinstance(layer, torch.nn.Linear):
            layer(torch.ones(BLOCK // 2 if layer is head else BLOCK, layer.in_features))


def _engine(model: LoadedModel, canvas: Canvas, name: str) -> list[Any]:
    values = {"block_length": BLOCK, "threshold": THRESHOLD, "official": True}
    return list(generate(model, canvas, f"fastdllm/{name}", values, seed=0))


def _same_tokens(model: LoadedModel, canvas: Canvas, name: str, step: Step) -> int:
    """The forwards that both make. Raises RuntimeError if they do not write the same."""
    made, official = _engine(model, canvas, name), published_arithmetic(model, canvas, step)
    if made[-1].canvas.tokens != official.tolist():
        raise RuntimeError(f"the {name} cache writes other tokens than its own loop")
    return len(made)


@torch.inference_mode()
def published_arithmetic(model: LoadedModel, canvas: Canvas, step: Step) -> Tensor:
    """Denoise the canvas block by block with a threshold. Returns ids [L]."""
    ids = torch.tensor(canvas.tokens)
    for start in range(PROMPT, len(ids), BLOCK):
        end, cache = start + BLOCK, DynamicCache()
        logits = model.model(input_ids=ids[None], past_key_values=cache, use_cache=True).logits[0]
        _write(ids, 0, end, logits, canvas.mask_id)
        while bool((ids[start:end] == canvas.mask_id).any()):
            logits = step(model, ids, cache, start, end)
            _write(ids, start, end, logits, canvas.mask_id)
    return ids


def suffix(model: LoadedModel, ids: Tensor, cache: DynamicCache, start: int, end: int) -> Tensor:
    """Everything from the block on, behind the keys of what stands before it."""
    if (surplus := cache.get_seq_length() - start) > 0:
        cache.crop(-surplus)
    places = torch.arange(start, len(ids))[None]
    given = {"position_ids": places, "past_key_values": cache, "use_cache": True}
    logits: Tensor = model.model(input_ids=ids[None, start:], **given).logits[0]
    return logits


def block_alone(
    model: LoadedModel, ids: Tensor, cache: DynamicCache, start: int, end: int
) -> Tensor:
    """The block among the keys of everything else."""
    seen = torch.ones(1, 1, end - start, len(ids), dtype=torch.bool)
    given = {"position_ids": torch.arange(start, end)[None], "attention_mask": seen}
    kept = InPlaceCache(cache, start)
    logits: Tensor = model.model(
        input_ids=ids[None, start:end], past_key_values=kept, use_cache=True, **given
    ).logits[0]
    return logits


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
