"""The arithmetic of the official LLaDA loop, timed beside ours.

Not the official code: a plain loop that computes what that code computes per step, namely all
logits of the whole canvas, float64 Gumbel noise over every position and the vocabulary, and a
softmax over all of it (ML-GSAI/LLaDA, generate.py, read at b7e6c35).
"""

from __future__ import annotations

import torch
from torch import Tensor


@torch.inference_mode()
def official_arithmetic(
    model: torch.nn.Module, prompt: Tensor, gen_length: int, steps: int, mask_id: int, heat: float
) -> Tensor:
    """Denoise `gen_length` masks in `steps` equal steps as one block. Returns ids [1, L]."""
    masks = torch.full((1, gen_length), mask_id, dtype=torch.long)
    canvas = torch.cat([prompt, masks], dim=1)
    per_step = gen_length // steps
    for _ in range(steps):
        logits = model(canvas).logits
        chosen = _noisy(logits, heat).argmax(dim=-1)
        certainty = logits.softmax(dim=-1).gather(-1, chosen.unsqueeze(-1)).squeeze(-1)
        certainty = certainty.masked_fill(canvas != mask_id, float("-inf"))
        take = certainty[0].topk(per_step).indices
        canvas[0, take] = chosen[0, take]
    return canvas


def _noisy(logits: Tensor, heat: float) -> Tensor:
    if heat == 0:
        return logits
    wide = logits.to(torch.float64)
    uniform = torch.rand_like(wide)
    return wide.exp() / (-uniform.log()).pow(heat)
