"""Keys and values kept inside a block: fewer places to evaluate, at the price of exactness.

prefix: what stands before the block is evaluated once, at the block's start. dual: what stands
behind it too. Places outside the block then go on seeing the block as it was at its start (dual)
or are not evaluated again (prefix): the result is approximate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.sources import Reader, Reading
from inference.engine.decoding.view import Block, RunState
from inference.engine.errors import InputError
from inference.engine.families.family import decoder_body, walkable
from inference.engine.forward import (
    check_finite,
    check_length,
    hidden_states,
    predictions,
    source_rows,
    structure,
)


class InPlaceCache(DynamicCache):  # type: ignore[misc]
    """A full cache whose rows [start, end) are replaced by each forward over just those places."""

    def __init__(self, full: DynamicCache, start: int) -> None:
        super().__init__()
        self.full, self.start = full, start

    def get_seq_length(self, layer_idx: int = 0, *args: Any, **kwargs: Any) -> int:
        return 0

    def update(
        self, key_states: Tensor, value_states: Tensor, layer_idx: int, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        layer = self.full.layers[layer_idx]
        end = self.start + key_states.shape[-2]
        layer.keys[:, :, self.start : end] = key_states
        layer.values[:, :, self.start : end] = value_states
        return layer.keys, layer.values


@dataclass
class Kept:
    """The cache of a block: `start` is the first place that is evaluated again."""

    span: tuple[int, int]
    start: int
    cache: DynamicCache
    device: torch.device


def prefix(reader: Reader, state: RunState, block: Block) -> Reading:
    """Each block begins with a full forward; then everything from the block on is evaluated."""
    return reader.alone(lambda: _read(reader, state, block, _after_prefix))


def dual(reader: Reader, state: RunState, block: Block) -> Reading:
    """Each block begins with a full forward; then the block alone is evaluated."""
    return reader.alone(lambda: _read(reader, state, block, _block_alone))


def small_block(reader: Reader, state: RunState, block: Block) -> Reading:
    """Fast-dLLM v2's block cache: inside a small block only that is evaluated.

    The first row of a small block predicts its second place, so that everything is evaluated as
    long as its first place is open.
    """
    if state.canvas.tokens[block.span[0]] == state.canvas.mask_id:
        state.carry["cached"] = None
    return reader.alone(lambda: _read(reader, state, block, _block_alone, overlap=False))


Step = Callable[[LoadedModel, Kept, Tensor], tuple[Tensor, int]]


@torch.inference_mode()
def _read(
    reader: Reader, state: RunState, block: Block, step: Step, overlap: bool = True
) -> Reading:
    if state.params.cfg_scale:
        raise InputError("Guidance cannot be combined with a cache.", "cfg_scale")
    ids = reader.tensor(state.canvas.tokens)
    check_length(reader.model, len(ids))
    # a shifted model reads the block's first place from the place before it
    shifted = reader.model.spec.predict == "shifted" and overlap and not state.params.official
    first = max(0, block.span[0] - int(shifted))
    kept = _resumed(reader, state, block, first)
    if kept is None:
        hidden, start = _begin(reader, state, block, ids, first), 0
    else:
        hidden, start = step(reader.model, kept, ids)
    # masks that the published loop left over in an earlier block are out of reach here
    positions = reader.tensor([i for i in block.scope if i >= start])
    rows = (source_rows(reader.model, positions) - start).clamp_min(0)
    logits = predictions(reader.model, hidden[rows])
    check_finite(logits, positions)
    return Reading(positions, logits, (start, start + len(hidden)))


def _begin(reader: Reader, state: RunState, block: Block, ids: Tensor, first: int) -> Tensor:
    """The full forward at a block's start; its keys and values are kept, to go on at `first`."""
    cache = DynamicCache()
    mask = None
    if reader.model.spec.attention != "full":
        mask = structure(reader.model, len(ids))[None, None]
    hidden = hidden_states(reader.model, ids[None], mask, None, cache)[0]
    reader.kept = Kept(block.span, first, cache, reader.model.device)
    state.carry["cached"] = {"span": list(block.span), "ids": ids.tolist()}
    return hidden


def _resumed(reader: Reader, state: RunState, block: Block, first: int) -> Kept | None:
    """The cache of this block; made again from the carry if the run was interrupted inside it.

    Also if the model has left the device of the cache, which then is to be had back.
    """
    noted = state.carry.get("cached")
    if noted is None or tuple(noted["span"]) != block.span or _restarted(state, block):
        return None
    if not _usable(reader, block):
        reader.kept = None
        _begin(reader, state, block, reader.tensor(noted["ids"]), first)
    assert isinstance(reader.kept, Kept)
    return reader.kept


def _usable(reader: Reader, block: Block) -> bool:
    kept = reader.kept
    return isinstance(kept, Kept) and (kept.span, kept.device) == (block.span, reader.model.device)


def _restarted(state: RunState, block: Block) -> bool:
    """Whether the canvas changed its length or the published loop begins the block anew."""
    longer = len(state.carry["cached"]["ids"]) != len(state.canvas)
    return longer or (state.params.official and block.step == 0)


def _after_prefix(model: LoadedModel, kept: Kept, ids: Tensor) -> tuple[Tensor, int]:
    return _evaluated(model, kept, ids, len(ids))


def _block_alone(model: LoadedModel, kept: Kept, ids: Tensor) -> tuple[Tensor, int]:
    return _evaluated(model, kept, ids, kept.span[1])


def _evaluated(model: LoadedModel, kept: Kept, ids: Tensor, end: int) -> tuple[Tensor, int]:
    """Hidden states of places [start, end), whose keys and values take the place of the former.

    A mask that hides nothing is left out where the body does not ask for one: it costs a copy.
    """
    places = torch.arange(kept.start, end, device=ids.device)[None]
    mask = None
    if model.spec.attention != "full" or not _sees_all(model):
        mask = structure(model, len(ids))[kept.start : end][None, None]
    cache = InPlaceCache(kept.cache, kept.start)
    hidden = hidden_states(model, ids[None, kept.start : end], mask, places, cache)[0]
    return hidden, kept.start


def _sees_all(model: LoadedModel) -> bool:
    return model.family.body is decoder_body and walkable(model.model)
