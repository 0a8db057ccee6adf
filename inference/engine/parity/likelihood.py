"""Recorded log-likelihood estimates: the loss of each Monte Carlo batch, and their mean."""

from __future__ import annotations

from typing import Any

import torch

from ..checkpoint import LoadedModel
from ..likelihood import losses_of
from .fixtures import Folder


def check_likelihood(folder: Folder, case: dict[str, Any]) -> list[str]:
    """Faults by batch, then of the final value."""
    model = folder.model_for(case)
    rtol = case["tolerance"]["rtol"]
    losses = [_loss(model, case, batch) for batch in case["batches"]]
    faults = [
        f"batch {i}: loss {got:.6f} instead of {batch['loss']:.6f}"
        for i, (got, batch) in enumerate(zip(losses, case["batches"], strict=True))
        if not _near(got, batch["loss"], rtol)
    ]
    value = -sum(losses) / len(losses)
    if not _near(value, case["value"], rtol):
        faults.append(f"value {value:.6f} instead of {case['value']:.6f}")
    return faults


def _loss(model: LoadedModel, case: dict[str, Any], batch: dict[str, Any]) -> float:
    clean = torch.tensor(case["prompt_ids"] + case["answer_ids"])
    noisy, ratios = torch.tensor(batch["noisy"]), torch.tensor(batch["mask_ratio"])
    scale = case["params"].get("cfg_scale", 0.0)
    return float(losses_of(model, clean, noisy, ratios, len(case["prompt_ids"]), scale).mean())


def _near(got: float, wanted: float, rtol: float) -> bool:
    return abs(got - wanted) <= rtol * abs(wanted)
