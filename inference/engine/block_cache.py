"""Keys and values of finished blocks, reused by block-causal models without approximation.

A block sees itself and earlier ones only, so what stands before the first wanted row keeps its keys
and values for as long as its tokens stay, and what stands behind the last wanted row need not be
computed. They are found again by content, whichever session or branch they come from.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import DynamicCache

from inference.engine.causal.prefixes import PrefixStore
from inference.engine.checkpoint import LoadedModel
from inference.engine.forward import (
    ForwardMany,
    Request,
    check_ids,
    forward_many,
    hidden_states,
    predictions,
    source_rows,
    structure,
)


class BlockForward:
    """A `forward_many`; models and requests that it is not for go through `run` as they are."""

    def __init__(self, store: PrefixStore, run: ForwardMany = forward_many) -> None:
        self.store, self._run = store, run

    def __call__(self, model: LoadedModel, requests: Sequence[Request]) -> list[Tensor]:
        """Logits [n, V] of each request's rows, equal to those of the whole up to rounding."""
        shared = model.device.type != "cpu" and len(requests) > 1  # there one batch is quicker
        if model.spec.attention != "block" or shared or not all(map(_plain, requests)):
            return self._run(model, requests)
        return [self._rows(model, request) for request in requests]

    @torch.inference_mode()
    def _rows(self, model: LoadedModel, request: Request) -> Tensor:
        ids, rows = request.ids, request.rows
        assert rows is not None
        check_ids(model, ids)
        size, source = model.spec.block_size or 1, source_rows(model, rows)
        begin = int(source.min()) // size * size
        end = min(len(ids), (int(source.max()) // size + 1) * size)
        start, cache = self._recalled(model, ids.tolist(), begin)
        seen = structure(model, end)[start:end][None, None]
        places = torch.arange(start, end, device=ids.device)[None]
        hidden = hidden_states(model, ids[None, start:end], seen, places, cache)[0]
        if begin > start:
            parts = [part[0, :, :begin].clone() for part in _parts(cache)]
            self.store.put(model.key, ids[:begin].tolist(), parts)
        return predictions(model, hidden[source - start])

    def _recalled(self, model: LoadedModel, ids: list[int], begin: int) -> tuple[int, DynamicCache]:
        """How many places are known, whole blocks before `begin`, and their keys and values."""
        cache, size = DynamicCache(), model.spec.block_size or 1
        found = self.store.find(model.key, ids[: begin + 1]) if begin else None
        start = found.length // size * size if found is not None else 0
        if found is not None and start:
            parts = [part[None, :, :start] for part in found.parts]
            for layer, pair in enumerate(zip(parts[::2], parts[1::2], strict=True)):
                cache.update(*pair, layer)
        return start, cache


def _plain(request: Request) -> bool:
    """Whether it wants some rows of the model's own visibility and positions."""
    own = request.attend is None and request.positions is None
    return own and request.rows is not None and len(request.rows) > 0


def _parts(cache: DynamicCache) -> list[Tensor]:
    return [part for layer in cache.layers for part in (layer.keys, layer.values)]
