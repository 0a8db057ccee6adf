"""What a kind of model learns: its training loss, and the loss on what is held out."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from inference.engine.training.model import MaskPredictor
from inference.engine.training.noise import Batch, elbo_nats


def next_token_loss(
    model: MaskPredictor, batch: Batch, rng: np.random.Generator, longest: float = 1.0
) -> Tensor:
    """Mean cross-entropy of each next token in nats; windows [B, L + 1] give L of them."""
    ids = torch.from_numpy(batch.ids).to(next(model.parameters()).device)
    logits = model(ids[:, :-1]).float()
    return F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())


@torch.no_grad()
def held_out_loss(model: MaskPredictor, batch: Batch) -> float:
    """Nats per token of the held-out windows.

    Of a causal model exact; of a mask predictor the upper bound of `noise.elbo_nats`, with the
    same noise each time.
    """
    if model.shape.causal:
        return float(next_token_loss(model, batch, np.random.default_rng(0)))
    device = next(model.parameters()).device

    def logits_of(ids: Tensor) -> Any:
        return model(ids.to(device)).float().cpu()

    total = elbo_nats(logits_of, batch, model.shape.mask_id, repeats=1)
    return total / int(batch.maskable.sum())
