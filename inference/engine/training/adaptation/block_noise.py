"""Noise for block diffusion: a clean copy of each document and noisy ones beside it in one row.

A block of a noisy copy sees the clean blocks before it and itself, as it does in decoding (Fast-
dLLM v2, arXiv 2509.26328). Predictions are shifted: the row of a token predicts the next one. What
copies hide is in `inference.engine.training.adaptation.hiding`. Each block counts the same in the
loss, whatever it hides: decoding meets each number of hidden tokens equally often.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from inference.engine.training.adaptation.documents import CANDIDATES, Document
from inference.engine.training.adaptation.hiding import hide, soft_copies
from inference.engine.training.adaptation.low_rank import Adapter

RATES = (0.125, 0.375, 0.625, 0.875, 1.0)
UNMOVED = ("clean", "block")
QUARTERS = RATES[:4]
"""Midpoints of four equal parts of [0, 1]: their mean stands for the mean over all rates."""


@dataclass(frozen=True)
class Rows:
    """What the model reads, and which of its rows predict what.

    `ids`, `places` [B, N]: clean copies, padded to equal lengths, then blocks of noisy ones.
    `lengths` [B] of the clean copies, which take `clean` rows with padding. `rows`: batch index and
    column [n]; `targets` [n]; `candidates`, `shares` [n, 16]: soft targets, where `soft` [n].
    `weights` [n] of the hidden tokens in the loss.
    """

    ids: Tensor
    places: Tensor
    lengths: Tensor
    rows: tuple[Tensor, Tensor]
    targets: Tensor
    candidates: Tensor
    shares: Tensor
    soft: Tensor
    weights: Tensor
    clean: int
    block: int

    @property
    def seen(self) -> Tensor:
        """[B, N, clean]: clean rows see whole blocks up to their own, noisy ones those before.

        Padding sees the first block or its own, lest a row see nothing; nothing sees padding.
        """
        keys = torch.arange(self.clean, device=self.places.device)
        own = torch.arange(self.places.shape[1], device=self.places.device) < self.clean
        before = keys // self.block < (self.places // self.block + own)[..., None]
        return before & (keys < self.lengths[:, None])[:, None]

    def to(self, device: torch.device) -> Rows:
        """On a device; a GPU copies while it computes."""

        def moved(value: Any) -> Any:
            if isinstance(value, tuple):
                return tuple(map(moved, value))
            return value.pin_memory().to(device, non_blocking=True)

        if device.type == "cpu":
            return self
        kept = {name: value for name, value in vars(self).items() if name not in UNMOVED}
        return replace(self, **{name: moved(value) for name, value in kept.items()})


@dataclass(frozen=True)
class DocumentBatch:
    """Documents of one step; `ids` are all their tokens, for the trainer to count."""

    documents: Sequence[Document]

    @property
    def ids(self) -> np.ndarray:
        return np.concatenate([np.asarray(one.ids) for one in self.documents])


@dataclass(frozen=True)
class Noise:
    """`block`: size of the blocks, counted from position 0; `copies`: noisy ones a document."""

    block: int
    mask_id: int
    end_id: int
    copies: int = 4

    def rows(
        self,
        documents: Sequence[Document],
        generator: torch.Generator,
        device: torch.device,
        rate: float | None = None,
    ) -> Rows:
        """The rows of some documents; with `rate` every copy hides tokens at this rate."""
        parts = [self._document(one, generator, rate) for one in documents]
        clean = max(part.clean for part in parts)
        noisy = max(len(part.ids) - part.clean for part in parts)
        columns = [
            part.columns + (part.columns >= part.clean) * (clean - part.clean) for part in parts
        ]
        return Rows(
            torch.stack([part.padded(part.ids, clean, noisy, self.end_id) for part in parts]),
            torch.stack([part.padded(part.places, clean, noisy, 0) for part in parts]),
            torch.tensor([part.clean for part in parts]),
            (
                torch.cat([torch.full_like(own, n) for n, own in enumerate(columns)]),
                torch.cat(columns),
            ),
            torch.cat([part.targets for part in parts]),
            torch.cat([part.candidates for part in parts]),
            torch.cat([part.shares for part in parts]),
            torch.cat([part.soft for part in parts]),
            torch.cat([part.weights for part in parts]),
            clean,
            self.block,
        ).to(device)

    def _document(
        self, document: Document, generator: torch.Generator, rate: float | None
    ) -> _Part:
        ids = self._whole(document)
        first = document.begin // self.block * self.block
        at = torch.arange(first, len(ids))
        hidden = hide(at, document.begin, self.block, self.copies, generator, rate)
        copies = torch.where(hidden, self.mask_id, ids[at])
        copy, column = hidden.nonzero(as_tuple=True)
        place = at[column]
        own = len(ids) + copy * len(at) + column - 1
        candidates, shares, known = _targets(document, place)
        return _Part(
            clean=len(ids),
            ids=torch.cat((ids, copies.flatten())),
            places=torch.cat((torch.arange(len(ids)), at.repeat(self.copies))),
            columns=torch.where(place % self.block == 0, place - 1, own),
            targets=ids[place],
            candidates=candidates,
            shares=shares,
            soft=known & soft_copies(self.copies)[copy] & (rate is None),
            weights=_weights(hidden, self.block),
        )

    def _whole(self, document: Document) -> Tensor:
        """Whole blocks: what was cut off is cut to them, what has ended is filled with ends."""
        ids = torch.tensor(document.ids)
        over = len(ids) % self.block
        cut = len(document.candidates) > over and document.ids[-1] != self.end_id
        if cut and over:
            return ids[:-over]
        return torch.cat((ids, torch.full((-len(ids) % self.block,), self.end_id)))


@dataclass(frozen=True)
class _Part:
    """The rows of one document: `clean` clean ones, then the noisy ones."""

    clean: int
    ids: Tensor
    places: Tensor
    columns: Tensor
    targets: Tensor
    candidates: Tensor
    shares: Tensor
    soft: Tensor
    weights: Tensor

    def padded(self, row: Tensor, clean: int, noisy: int, value: int) -> Tensor:
        """[clean + noisy] from the values of all rows."""
        parts = row[: self.clean], row[self.clean :]
        return torch.cat((_padded(parts[0], clean, value), _padded(parts[1], noisy, value)))


def _targets(document: Document, place: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Candidates and shares [n, 16] for these places, and where there are any [n]."""
    known = place - document.begin < len(document.candidates)
    index = (place - document.begin).clamp_max(max(0, len(document.candidates) - 1))
    if not len(document.candidates):
        empty = torch.zeros(len(place), CANDIDATES)
        return empty.long(), empty, torch.zeros(len(place), dtype=torch.bool)
    return document.candidates[index].long(), document.shares[index].float(), known


def _weights(hidden: Tensor, block: int) -> Tensor:
    """[n] for the hidden places of copies [copies, m]: 1 / those of their block."""
    blocks = hidden.view(len(hidden), -1, block)
    count = blocks.sum(-1, keepdim=True).expand_as(blocks).reshape(hidden.shape)[hidden]
    return count.float().reciprocal()


def _padded(row: Tensor, width: int, value: int) -> Tensor:
    return torch.nn.functional.pad(row, (0, width - len(row)), value=value)


def losses(adapter: Adapter, rows: Rows) -> Tensor:
    """Cross-entropy [n] of the hidden tokens in nats, against soft targets where there are some."""
    logits = adapter(rows.ids, rows.places, rows.seen, rows.rows, rows.block)
    hard = logits.gather(1, rows.targets[:, None])[:, 0]
    soft = (logits.gather(1, rows.candidates) * rows.shares).sum(1)
    found: Tensor = logits.logsumexp(1) - torch.where(rows.soft, soft, hard)
    return found


def accumulate(adapter: Adapter, parts: Sequence[Rows], pool: Executor | None) -> Tensor:
    """Adds the gradients of the weighted mean loss over `parts`; the loss [] in nats.

    In the threads of `pool` each part is computed on its own core: they meet once a step, not at
    every matrix, which on a busy machine is the difference. Nothing here waits for a GPU.
    """
    parameters = list(adapter.parameters())
    whole = torch.stack([part.weights.sum() for part in parts]).sum()

    def one(part: Rows) -> tuple[Tensor, tuple[Tensor, ...]]:
        loss = (losses(adapter, part) * part.weights).sum() / whole
        return loss.detach(), torch.autograd.grad(loss, parameters)

    found = list(pool.map(one, parts) if pool is not None else map(one, parts))
    for parameter, *gradients in zip(parameters, *(each for _, each in found), strict=True):
        total = sum(gradients[1:], start=gradients[0])
        parameter.grad = total if parameter.grad is None else parameter.grad + total
    return torch.stack([loss for loss, _ in found]).sum()


@torch.inference_mode()
def bound(
    adapter: Adapter, noise: Noise, documents: Sequence[Document], seed: int = 7, batch: int = 4
) -> dict[str, float]:
    """Mean nats per hidden token of held-out documents, at fixed rates; their mean as `bound`."""
    device, table = adapter.mask.device, {}
    for rate in RATES:
        generator = torch.Generator().manual_seed(seed)
        found = [
            losses(adapter, noise.rows(documents[i : i + batch], generator, device, rate))
            for i in range(0, len(documents), batch)
        ]
        table[f"{rate:g}"] = float(torch.cat(found).mean())
    table["bound"] = sum(table[f"{rate:g}"] for rate in QUARTERS) / len(QUARTERS)
    return table
