"""The tensor with which files of Llama 3.1 and later say how far each frequency is slowed down.

It holds what the key `rope_scaling` of type llama3 comes to, one factor [d/2] for each frequency
(convert_hf_to_gguf.py in ggml-org/llama.cpp). Published models differ in one of the type's four
numbers only, so that these are found again, and compared with every factor.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from inference.engine.errors import CheckpointError

NAME = "rope_freqs.weight"
PUBLISHED = {
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}
"""Of Llama 3.1, 3.2 and 3.3 alike; their `factor` is 8 or 32."""
CLOSE = 1e-4


def llama3_parameters(factors: Tensor, base: float) -> dict[str, Any]:
    """`rope_parameters` for factors [d/2] over frequencies base^(-2i/d).

    Raises CheckpointError for factors that are not of type llama3 with the published numbers.
    """
    factor = float(factors.max()) if factors.numel() else math.nan
    expected = _factors(factor, base, len(factors)) if 1 <= factor < math.inf else factors + 1
    if not torch.allclose(factors, expected, rtol=CLOSE, atol=0.0):
        raise CheckpointError(
            f"{NAME} holds other factors than Llama 3.1 to 3.3 have; such files are not read.", NAME
        )
    return {"rope_type": "llama3", "factor": factor, **PUBLISHED}


def _factors(factor: float, base: float, count: int) -> Tensor:
    """1 for short waves, `factor` for long ones, in between by how often a wave fits the length."""
    waves = 2 * math.pi * base ** (torch.arange(count, dtype=torch.float64) / count)
    fits = PUBLISHED["original_max_position_embeddings"] / waves
    low, high = PUBLISHED["low_freq_factor"], PUBLISHED["high_freq_factor"]
    share = ((fits - low) / (high - low)).clamp(0.0, 1.0)
    return (1 / ((1 - share) / factor + share)).float()
