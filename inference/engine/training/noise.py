"""The masked-diffusion objective: noise, training loss, and the bound that evaluation reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from inference.engine.training.model import MaskPredictor

Ids = NDArray[np.int64]
Flags = NDArray[np.bool_]
Reals = NDArray[np.float64]
MIN_TIME = 1e-3
PLACES_STEP = 256
MAX_WEIGHT = 1 / 0.03  # caps 1/t, whose rare large values would drown a small batch


@dataclass(frozen=True)
class Batch:
    """Clean ids [B, L], and which of them the noise may mask."""

    ids: Ids
    maskable: Flags


def stratified_times(count: int, rng: np.random.Generator, longest: float = 1.0) -> Reals:
    """One noise level in (0, longest] per row, spread evenly over the batch."""
    spread = (rng.random() + np.arange(count) / count) % 1.0
    return ((1 - MIN_TIME) * spread + MIN_TIME) * longest


def mask_out(
    batch: Batch, times: Reals, mask_id: int, rng: np.random.Generator
) -> tuple[Ids, Flags]:
    """The noised ids, and where they were masked: each maskable token with probability t."""
    masked = (rng.random(batch.ids.shape) < times[:, None]) & batch.maskable
    return np.where(masked, mask_id, batch.ids), masked


def diffusion_loss(
    model: MaskPredictor, batch: Batch, rng: np.random.Generator, longest: float = 1.0
) -> Tensor:
    """Cross-entropy at the masked tokens, weighted by 1/t, per maskable token.

    This is the bound of LLaDA (Nie et al. 2025, equation 3), with the weight capped.
    """
    times = stratified_times(len(batch.ids), rng, longest)
    noised, masked = mask_out(batch, times, model.shape.mask_id, rng)
    weights = np.minimum(1 / times, MAX_WEIGHT)
    logits = logits_at(model, noised, masked)
    return _weighted(logits, batch.ids[masked], masked, weights) / int(batch.maskable.sum())


def logits_at(model: MaskPredictor, shown: Ids, where: Flags) -> Tensor:
    """Logits [n, V] at the n marked places of ids [B, L].

    The rows are padded to a multiple of 256 on the way, because a CPU compiles and keeps a kernel
    for every new shape: gigabytes after some thousand steps.
    """
    device = next(model.parameters()).device
    places = np.flatnonzero(where)
    padded = np.resize(places, -(-max(1, len(places)) // PLACES_STEP) * PLACES_STEP)
    states = model.hidden(torch.from_numpy(shown).to(device)).flatten(0, 1)
    logits: Tensor = model.model.transformer.ff_out(states[torch.from_numpy(padded).to(device)])
    return logits[: len(places)]


def _weighted(logits: Tensor, truth: Ids, masked: Flags, row_weights: Reals) -> Tensor:
    """Sum of the nats at the masked tokens (logits [n, V], truth [n]), weighted by row."""
    target = torch.from_numpy(truth).to(logits.device)
    nats = F.cross_entropy(logits.float(), target, reduction="none")
    weights = np.broadcast_to(row_weights[:, None], masked.shape)[masked]
    return (nats * torch.from_numpy(weights).to(logits.device, torch.float32)).sum()


@torch.no_grad()
def elbo_nats(
    logits_of: Callable[[Tensor], Tensor],
    batch: Batch,
    mask_id: int,
    seed: int = 0,
    repeats: int = 4,
) -> float:
    """Upper bound on the nats of all maskable tokens of the batch together.

    Masks exactly k of a row's n tokens, k uniform in 1…n, with weight n/k: the same expectation
    as masking with probability t, at a lower variance. `logits_of` maps ids [B, L] to [B, L, V].
    """
    rng = np.random.default_rng(seed)
    counts = batch.maskable.sum(axis=1)
    total = 0.0
    for _ in range(repeats):
        chosen = np.floor(stratified_times(len(counts), rng) * counts).astype(int) + 1
        chosen = np.minimum(chosen, counts)
        lot = np.where(batch.maskable, rng.random(batch.ids.shape), 2.0)
        masked = lot.argsort(axis=1).argsort(axis=1) < chosen[:, None]
        noised = np.where(masked, mask_id, batch.ids)
        logits = logits_of(torch.from_numpy(noised))[torch.from_numpy(masked)]
        total += _weighted(logits, batch.ids[masked], masked, counts / chosen).item()
    return total / repeats
