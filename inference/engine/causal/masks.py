"""What each row of a shared decoding step sees, in the form that the native class wants."""

from __future__ import annotations

import torch
from torch import Tensor

from inference.engine.checkpoint import LoadedModel

Masks = Tensor | dict[str, Tensor]


def masks(model: LoadedModel, places: Tensor, width: int) -> Masks:
    """Masks [B, 1, 1, width] for rows whose one token stands at `places` [B].

    A row sees the columns up to its own place; in layers with a sliding window the nearest ones.
    Classes whose layers differ take a mask by the kind of layer.
    """
    config = model.model.config
    columns = torch.arange(width, device=places.device)
    full = columns[None] <= places[:, None]
    reach = getattr(config, "sliding_window", None)
    near = full if reach is None else full & (columns[None] > places[:, None] - reach)
    kinds = {"full_attention": full, "sliding_attention": near}
    shaped = {name: _shaped(model, mask[:, None, None]) for name, mask in kinds.items()}
    return shaped["sliding_attention"] if not getattr(config, "layer_types", None) else shaped


def _shaped(model: LoadedModel, mask: Tensor) -> Tensor:
    """True where visible; for eager attention what is added to its scores."""
    if model.family.attention == "sdpa":
        return mask
    hidden = torch.finfo(model.dtype).min
    return torch.zeros(mask.shape, dtype=model.dtype, device=mask.device).masked_fill(~mask, hidden)
