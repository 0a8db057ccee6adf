"""DCD: a window of masks that slides with the leftmost one, instead of blocks.

Source: arXiv 2601.02076; shuyingte/DCD, decode_algorithm.py, window_bidirectional_decode.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from inference.engine.canvas import Canvas, Operation
from inference.engine.decoding import draws
from inference.engine.decoding.blocks import chunks
from inference.engine.decoding.distribution import Distribution
from inference.engine.decoding.kv_cache import InPlaceCache
from inference.engine.decoding.quotas import threshold
from inference.engine.decoding.recipe import Recipe
from inference.engine.decoding.sources import Reader, Reading
from inference.engine.decoding.view import Block, Drawn, RunState, View
from inference.engine.errors import InputError
from inference.engine.forward import (
    check_length,
    hidden_states,
    predictions,
    source_rows,
    structure,
)
from inference.engine.processing import forbid


def window(state: RunState) -> Block | None:
    """From the first mask on; at first `window_masks` masks, then as many more as were written.

    No wider than `window_length`, and not beyond an end of the text.
    """
    scope = state.canvas.writable_positions
    if not scope:
        return None
    carry, left, count = state.carry, scope[0], len(scope)
    end, before = carry.get("window", (None, count))
    if end is None:
        end = scope[min(state.params.window_masks, count) - 1] + 1
    end = min(max(end + max(0, before - count), left + 1), len(state.canvas))
    carry["window"] = [end, count]
    if state.params.window_length is not None:
        end = min(end, left + state.params.window_length)
    end = max(left + 1, min([end, *_ends(state.canvas, state.spec.eos_id)[:1]]))
    inside = tuple(i for i in scope if i < end)
    return Block(inside, (left, end), 1, 0, state.index)


def _ends(canvas: Canvas, token: int | None) -> list[int]:
    """The places that hold end-of-text."""
    return [i for i in canvas.places if token is not None and canvas.slots[i].token == token]


def without_mask(view: View) -> Drawn:
    """Dream's draw: temperature and filters shape the judgement too; the mask takes no share."""
    return draws.filtered(knowing_no_mask(view))


def knowing_no_mask(view: View) -> View:
    """The view with the mask impossible: it takes no share of the probability."""
    logits = forbid(view.choice.logits, [view.spec.mask_id])
    known = Distribution(logits, view.choice.barred)
    return replace(view, choice=known, ranking=known)


def end_fills(view: View, drawn: Drawn, operations: list[Operation]) -> list[Operation]:
    """Everything behind an end of the text becomes end-of-text, written tokens too."""
    canvas = view.canvas.apply(operations)
    token = view.spec.eos_id
    places = _ends(canvas, token)
    if token is None or not places:
        return operations
    behind = [i for i in canvas.places if i > places[0] and not canvas.slots[i].locked]
    change: dict[str, Any] = {"token": token, "by": "auto"}
    return operations + [
        {
            "op": "commit" if canvas.slots[i].token == canvas.mask_id else "edit",
            "slot": canvas.slots[i].id,
            **change,
        }
        for i in behind
        if canvas.slots[i].token != token
    ]


def end_fills_after_block(view: View, drawn: Drawn, operations: list[Operation]) -> list[Operation]:
    """The static form: only once the block is full."""
    written = {operation["slot"] for operation in operations}
    full = all(view.canvas.slots[i].id in written for i in view.block.scope)
    return end_fills(view, drawn, operations) if full else operations


@dataclass
class Kept:
    """A cache of the whole canvas, and how many evaluations of a window have gone into it."""

    cache: DynamicCache
    count: int
    device: torch.device


def prefix(reader: Reader, state: RunState, block: Block) -> Reading:
    """What stands before the window is kept; the window and all behind it are evaluated."""
    span = (_left(reader, state, block), len(state.canvas))
    return reader.alone(lambda: _read(reader, state, block, span))


def dual(reader: Reader, state: RunState, block: Block) -> Reading:
    """Only the window is evaluated, with `cache_delay` places more on either side."""
    end = min(block.span[1] + state.params.cache_delay, len(state.canvas))
    span = (_left(reader, state, block), end)
    return reader.alone(lambda: _read(reader, state, block, span))


def prefix_without_the_place_ahead(reader: Reader, state: RunState, block: Block) -> Reading:
    """The same on Dream with `lookahead` 0, without the canvas' last place."""
    span = (_left(reader, state, block), len(state.canvas) - 1)
    return reader.alone(lambda: _read(reader, state, block, span))


def dual_without_the_place_ahead(reader: Reader, state: RunState, block: Block) -> Reading:
    """Dream's `lookahead` 0: the last place of the window, from which none is read, is left out."""
    end = min(block.span[1] + state.params.cache_delay, len(state.canvas)) - 1
    span = (_left(reader, state, block), end)
    return reader.alone(lambda: _read(reader, state, block, span))


def _left(reader: Reader, state: RunState, block: Block) -> int:
    """Where evaluation begins; a delay counts from where the window began in the step before.

    A shifted model reads a place from the one before it.
    """
    left, delay = block.span[0], state.params.cache_delay
    if delay:
        before = int(state.carry.get("window_left", left))
        left = min(left, max(before - delay, state.canvas.prompt_length))
    state.carry["window_left"] = block.span[0]
    return max(0, left - int(reader.model.spec.predict == "shifted"))


@torch.inference_mode()
def _read(reader: Reader, state: RunState, block: Block, span: tuple[int, int]) -> Reading:
    if state.params.cfg_scale:
        raise InputError("Guidance cannot be combined with a cache.", "cfg_scale")
    ids = state.canvas.tokens
    check_length(reader.model, len(ids))
    note = state.carry.get("window_cache")
    if note is None or _stale(state, note):
        state.carry["window_cache"] = {"ids": ids, "then": []}
        hidden, start = _begin(reader, ids), 0
    else:
        kept = _resumed(reader, note)
        hidden, start = _update(reader, kept, ids, span), span[0]
        then = [*note["then"], [ids, *span]]
        state.carry["window_cache"] = {"ids": note["ids"], "then": then}
    positions = reader.tensor(list(block.scope))
    rows = (source_rows(reader.model, positions) - start).clamp_min(0)
    return Reading(positions, predictions(reader.model, hidden[rows]), (start, start + len(hidden)))


def _stale(state: RunState, note: dict[str, Any]) -> bool:
    """Whether `refresh_count` tokens have been written since everything was evaluated."""
    mask = state.canvas.mask_id
    written = note["ids"].count(mask) - state.canvas.tokens.count(mask)
    same = len(note["ids"]) == len(state.canvas)
    return not same or written < 0 or written >= state.params.refresh_count


def _begin(reader: Reader, ids: list[int]) -> Tensor:
    cache = DynamicCache()
    mask = None
    if reader.model.spec.attention != "full":
        mask = structure(reader.model, len(ids))[None, None]
    hidden = hidden_states(reader.model, reader.tensor(ids)[None], mask, None, cache)[0]
    reader.kept = Kept(cache, 0, reader.model.device)
    return hidden


def _resumed(reader: Reader, note: dict[str, Any]) -> Kept:
    """The cache; after an interruption its evaluations are made again in their order."""
    kept = reader.kept
    usable = isinstance(kept, Kept) and kept.device == reader.model.device
    if not (isinstance(kept, Kept) and usable and kept.count == len(note["then"])):
        _begin(reader, note["ids"])
        assert isinstance(reader.kept, Kept)
        kept = reader.kept
        for ids, start, end in note["then"]:
            _update(reader, kept, ids, (start, end))
    return kept


def _update(reader: Reader, kept: Kept, ids: list[int], span: tuple[int, int]) -> Tensor:
    """Hidden states of [start, end); its keys and values replace those in the cache."""
    start, end = span
    mask = structure(reader.model, len(ids))[start:end][None, None]
    places = torch.arange(start, end, device=reader.model.device)[None]
    part = reader.tensor(ids)[None, start:end]
    kept.count += 1
    return hidden_states(reader.model, part, mask, places, InPlaceCache(kept.cache, start))[0]


DCD = Recipe(quota=threshold, draw=without_mask, block=window, revise=end_fills)
DCD_PREFIX = Recipe(
    quota=threshold,
    draw=without_mask,
    block=window,
    revise=end_fills,
    source=prefix,
    approximate=True,
)
DCD_DUAL = Recipe(
    quota=threshold,
    draw=without_mask,
    block=window,
    revise=end_fills,
    source=dual,
    approximate=True,
)
DCD_STATIC = Recipe(quota=threshold, draw=without_mask, block=chunks, revise=end_fills_after_block)
