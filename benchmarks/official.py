"""The arithmetic of the official LLaDA loop, timed beside ours.

Not the official code: a plain loop that computes what that code computes per step, namely all
logits of the whole canvas, float64 Gumbel noise over every position and the whole vocabulary, and
a softmax over all of it (ML-GSAI/LLaDA, generate.py, read at b7e6c35).
"""

from __future__ import annotations

import torch
from torch import Tensor

from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel


@torch.inference_mode()
def official_arithmetic(model: LoadedModel, canvas: Canvas, steps: int, heat: float) -> Tensor:
    """Denoise the canvas as one block in `steps` equal steps. Returns ids [1, L]."""
    ids = torch.tensor([canvas.tokens], device=model.device)
    per_step = len(canvas.open_positions) // steps
    for _ in range(steps):
        logits = model.model(input_ids=ids).logits
        chosen = _noisy(logits, heat).argmax(dim=-1)
        certainty = logits.softmax(dim=-1).gather(-1, chosen.unsqueeze(-1)).squeeze(-1)
        certainty = certainty.masked_fill(ids != canvas.mask_id, float("-inf"))
        take = certainty[0].topk(per_step).indices
        ids[0, take] = chosen[0, take]
    return ids


def _noisy(logits: Tensor, heat: float) -> Tensor:
    if heat == 0:
        return logits
    wide = logits.to(torch.float64)
    uniform = torch.rand_like(wide)
    return wide.exp() / (-uniform.log()).pow(heat)
