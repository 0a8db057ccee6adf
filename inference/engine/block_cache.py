"""Keys and values of finished blocks, reused by block-causal models without approximation.

A block sees itself and earlier ones only, so what stands before the first wanted row keeps its keys
and values for as long as its tokens stay, and what stands behind the last wanted row need not be
computed. They are found again by content, whichever session or branch they come from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import DynamicCache

from inference.engine.causal.prefixes import PrefixStore
from inference.engine.checkpoint import LoadedModel
from inference.engine.forward import (
    ForwardMany,
    Request,
    check_finite,
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
        """Logits [n, V] of each request's rows, equal to those of the whole up to rounding.

        Raises InputError and NonFiniteError as `run` does.
        """
        shared = model.device.type != "cpu" and len(requests) > 1  # there one batch is quicker
        if model.spec.attention != "block" or shared or not all(map(_plain, requests)):
            return self._run(model, requests)
        windows = [_window(model, request) for request in requests]
        found: dict[int, Tensor] = {}
        for alike in groups(windows).values():
            rows = self._rows(model, [windows[number] for number in alike])
            found |= dict(zip(alike, rows, strict=True))
        for number, request in enumerate(requests):
            assert request.rows is not None
            check_finite(found[number], request.rows)
        return [found[number] for number in range(len(requests))]

    @torch.inference_mode()
    def _rows(self, model: LoadedModel, windows: Sequence[_Window]) -> list[Tensor]:
        """Logits of windows that differ behind their beginning only: drafts, looks ahead."""
        ids = torch.stack([window.ids for window in windows])
        begin, end = windows[0].begin, ids.shape[1]
        start, cache = self._recalled(model, ids[0].tolist(), begin, len(windows))
        if start < begin and len(windows) > 1:  # the first computes what the others begin with
            return [*self._rows(model, windows[:1]), *self._rows(model, windows[1:])]
        seen = structure(model, end)[start:end][None, None]
        places = torch.arange(start, end, device=ids.device)[None]
        hidden = hidden_states(model, ids[:, start:end], seen, places, cache)
        if begin > start:
            parts = [part[0, :, :begin].clone() for part in _parts(cache)]
            self.store.put(model.key, ids[0, :begin].tolist(), parts)
        sources = [window.source - start for window in windows]
        picked = torch.cat([rows[source] for rows, source in zip(hidden, sources, strict=True)])
        return list(torch.split(predictions(model, picked), [len(source) for source in sources]))

    def _recalled(
        self, model: LoadedModel, ids: list[int], begin: int, count: int
    ) -> tuple[int, DynamicCache]:
        """How many places are known, whole blocks before `begin`, and keys and values of them.

        The same ones for each of `count` rows.
        """
        cache, size = DynamicCache(), model.spec.block_size or 1
        found = self.store.find(model.key, ids[: begin + 1]) if begin else None
        start = found.length // size * size if found is not None else 0
        if found is not None and start:
            parts = [part[None, :, :start].expand(count, -1, -1, -1) for part in found.parts]
            for layer, pair in enumerate(zip(parts[::2], parts[1::2], strict=True)):
                cache.update(*pair, layer)
        return start, cache


class _Window(NamedTuple):
    """What of a request is computed: `ids` up to the end of its last block that is wanted.

    `begin`: where the first block with a wanted row begins. `source` [n]: where the rows stand.
    """

    ids: Tensor
    begin: int
    source: Tensor


def _window(model: LoadedModel, request: Request) -> _Window:
    """Raises InputError for ids that are none, or too many."""
    assert request.rows is not None
    check_ids(model, request.ids)
    size, source = model.spec.block_size or 1, source_rows(model, request.rows)
    end = (int(source.max()) // size + 1) * size
    return _Window(request.ids[:end], int(source.min()) // size * size, source)


def groups(windows: Sequence[_Window]) -> dict[tuple[Any, ...], list[int]]:
    """Numbers of the windows that share a forward: equal ends, and equal ids before `begin`."""
    found: dict[tuple[Any, ...], list[int]] = {}
    for number, window in enumerate(windows):
        known = tuple(window.ids[: window.begin].tolist())
        found.setdefault((len(window.ids), known), []).append(number)
    return found


def _plain(request: Request) -> bool:
    """Whether it wants some rows of the model's own visibility and positions."""
    own = request.attend is None and request.positions is None
    return own and request.rows is not None and len(request.rows) > 0


def _parts(cache: DynamicCache) -> list[Tensor]:
    return [part for layer in cache.layers for part in (layer.keys, layer.values)]
