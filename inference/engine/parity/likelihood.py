"""Recorded log-likelihoods: the loss of each batch; their mean, or their sum where exact."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from inference.engine.checkpoint import LoadedModel
from inference.engine.forward import Request, forward_many
from inference.engine.likelihood import losses_of
from inference.engine.parity.fixtures import Folder


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
    exact = "places" in case["batches"][0]
    value = -sum(losses) / (1 if exact else len(losses))
    if not _near(value, case["value"], rtol):
        faults.append(f"value {value:.6f} instead of {case['value']:.6f}")
    return faults


def _loss(model: LoadedModel, case: dict[str, Any], batch: dict[str, Any]) -> float:
    clean = torch.tensor(case["prompt_ids"] + case["answer_ids"])
    noisy, ratios = torch.tensor(batch["noisy"]), torch.tensor(batch["mask_ratio"])
    scale = case["params"].get("cfg_scale", 0.0)
    if "places" in batch:
        return _exact(model, clean, noisy, batch["places"])
    return float(losses_of(model, clean, noisy, ratios, len(case["prompt_ids"]), scale).mean())


def _exact(model: LoadedModel, clean: Tensor, noisy: Tensor, places: list[int]) -> float:
    """The sum of -log p of one place in each row: the chain rule, place after place."""
    pairs = list(zip(noisy, places, strict=True))
    found = forward_many(model, [Request(row, torch.tensor([place])) for row, place in pairs])
    logs = [logits[0].log_softmax(-1) for logits in found]
    return -sum(float(log[clean[place]]) for log, (_, place) in zip(logs, pairs, strict=True))


def _near(got: float, wanted: float, rtol: float) -> bool:
    return abs(got - wanted) <= rtol * abs(wanted)
