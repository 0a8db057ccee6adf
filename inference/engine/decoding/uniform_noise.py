"""Parts for models that hide tokens by random ones: every place may change until all are settled.

A written place is a provisional one: it is written, edited and opened again as the model's mind
changes. Canvas and carry hold plain values, but the previous logits, which the model is conditioned
on, live in memory only: whoever takes up a run that was interrupted repeats the steps of the block
(`block_start`) and comes to the same tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from inference.engine.canvas import Canvas, Operation
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.distribution import Distribution
from inference.engine.decoding.params import Params
from inference.engine.decoding.rng import seeded
from inference.engine.decoding.sources import Reader, Reading
from inference.engine.decoding.view import Block, Drawn, RunState, View
from inference.engine.errors import InputError
from inference.engine.families.diffusion_gemma import denoise

STEPS = 48


@dataclass
class Memory:
    """The previous logits of a block, as the model is conditioned on them."""

    span: tuple[int, int]
    logits: Tensor


def canvases(state: RunState) -> Block | None:
    """The first stretch of `canvas_length` places that is not settled; all its places at once."""
    where = state.canvas.places
    if where and where != list(range(where[0], len(state.canvas))):
        raise InputError("This model writes behind the prompt only: it fills no gaps.", "prompt")
    size = state.spec.canvas_length or len(where) or 1
    number = int(state.carry.get("settled", 0))
    part = where[number * size : (number + 1) * size]
    if not part:
        return None
    slots = state.canvas.slots
    free = tuple(i for i in part if not (slots[i].locked or slots[i].by == "hand"))
    if not free:
        state.carry["settled"] = number + 1
        return canvases(state)
    done = int(state.carry.get("canvas_step", 0))
    left = max(1, (state.params.steps or STEPS) - done)
    return Block(free, (part[0], part[-1] + 1), left, number, done)


def noisy_canvas(reader: Reader, state: RunState, block: Block) -> Reading:
    """Logits of the block's places, each holding its provisional or its random token."""
    start, end = block.span
    if state.params.cfg_scale:
        raise InputError("This model takes no guidance.", "cfg_scale")
    if start == 0:
        raise InputError("This model needs a prompt of at least one token.", "prompt")
    tokens = reader.tensor(state.canvas.tokens)
    canvas = tokens[start:end].clone()
    draft = state.carry.get("draft") or _random(reader, state, end - start)
    blank = canvas == state.canvas.mask_id
    canvas[blank] = reader.tensor(draft)[blank]
    memory = reader.kept
    before = None
    if isinstance(memory, Memory) and memory.span == block.span:
        before = memory.logits
    logits = reader.alone(lambda: _denoised(reader.model, tokens[:start], canvas, before))
    # as published: at the step's temperature, in the dtype of the embeddings that they weigh
    spread = (logits / temperature(state.params, block)).to(reader.model.dtype)
    reader.kept = Memory(block.span, spread)
    return Reading(reader.tensor(list(range(start, end))), logits, (0, end))


def _denoised(model: LoadedModel, given: Tensor, canvas: Tensor, before: Tensor | None) -> Tensor:
    """`denoise` where the model is by now, wherever the parts were made."""
    here = model.device
    before = None if before is None else before.to(here)
    return denoise(model.model, given.to(here), canvas.to(here), before)


def _random(reader: Reader, state: RunState, count: int) -> list[int]:
    # the positive numbers are those of the draws of each step, so these share nothing with them
    generator = reader.rng(-state.step)
    drawn: list[int] = torch.randint(
        0, state.spec.vocab_size, (count,), generator=generator
    ).tolist()
    return drawn


def block_start(carry: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    """How many steps of the block have gone, and what the carry was before the first of them."""
    return int(carry.get("canvas_step", 0)), {"settled": carry.get("settled", 0)}


@torch.inference_mode()
def look(model: LoadedModel, canvas: Canvas) -> tuple[list[int], Tensor]:
    """Positions [n] and their logits [n, V], without a run: the first stretch with an open place.

    Open places hold random tokens, always the same ones for a canvas, and there are no previous
    logits. Raises InputError for a canvas that the model cannot read.
    """
    start, end = _stretch(model, canvas)
    tokens = torch.tensor(canvas.tokens, device=model.device)
    part = tokens[start:end].clone()
    blank = part == canvas.mask_id
    noise = torch.randint(0, model.spec.vocab_size, (end - start,), generator=seeded(0)(0))
    part[blank] = noise.to(part)[blank]
    return list(range(start, end)), denoise(model.model, tokens[:start], part, None)


def _stretch(model: LoadedModel, canvas: Canvas) -> tuple[int, int]:
    where = canvas.places
    if not where or where[0] == 0 or where != list(range(where[0], len(canvas))):
        raise InputError("This model needs a prompt, and writes behind it only.", "prompt")
    size = model.spec.canvas_length or len(where)
    first = next(iter(canvas.open_positions), where[-1])
    start = where[0] + (first - where[0]) // size * size
    return start, min(start + size, len(canvas))


def temperature(params: Params, block: Block) -> float:
    """From t_max down to t_min over the steps of the canvas, never 0."""
    share = block.steps_left / (block.step + block.steps_left)
    return max(params.t_min + (params.t_max - params.t_min) * share, 1e-3)


def tempered(view: View) -> Drawn:
    """A token for every place, at the step's temperature."""
    logits = view.choice.logits / temperature(view.params, view.block)
    judged = Distribution(logits, view.choice.barred)
    return Drawn(judged.draw(view.uniform()), judged)


def certainty(view: View, drawn: Drawn) -> Tensor:
    """Minus the entropy at the step's temperature."""
    return -drawn.judged.entropy


def settle(view: View, drawn: Drawn, operations: list[Operation]) -> list[Operation]:
    """Accepted places hold their token, all others open again with new noise.

    When the most likely canvas has not changed since the last step and the mean entropy is below
    `stop_entropy`, or the steps are used up, the most likely canvas is written for good.
    """
    best = view.choice.best.tolist()
    carry = view.state.carry
    calm = float(drawn.judged.entropy.mean()) < view.params.stop_entropy
    last = view.block.steps_left == 1 or (calm and carry.get("best") == best)
    if last:
        carry.update(settled=view.block.index + 1, canvas_step=0, best=None, draft=None)
        probs = view.choice.p1.tolist()
        slots = [view.canvas.slots[i].id for i in view.positions.tolist()]
        wanted = dict(zip(slots, zip(best, probs, strict=True), strict=True))
    else:
        width = view.block.span[1] - view.block.span[0]
        size = view.spec.vocab_size
        draft = torch.randint(0, size, (width,), generator=view.generator).tolist()
        carry.update(canvas_step=view.block.step + 1, best=best, draft=draft)
        wanted = {op["slot"]: (op["token"], op["p"]) for op in operations}
    return _changes(view, wanted)


def _changes(view: View, wanted: dict[int, tuple[int, float]]) -> list[Operation]:
    """The operations that give these slots their tokens and open all others of the view."""
    found: list[Operation] = []
    for position in view.positions.tolist():
        slot = view.canvas.slots[position]
        is_open = slot.token == view.canvas.mask_id
        if slot.id not in wanted:
            found += [] if is_open else [{"op": "remask", "slot": slot.id}]
            continue
        token, prob = wanted[slot.id]
        change: dict[str, Any] = {"slot": slot.id, "token": token, "p": prob, "by": "auto"}
        if is_open or token != slot.token:
            found.append({"op": "commit" if is_open else "edit", **change})
    return found
