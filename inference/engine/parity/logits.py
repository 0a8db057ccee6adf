"""Logits of whole inputs against the recorded ones."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from inference.engine.checkpoint import LoadedModel
from inference.engine.forward import logits_batch
from inference.engine.parity.fixtures import Folder


def check_logits(folder: Folder, case: dict[str, Any]) -> list[str]:
    """Faults by input; recorded logits are raw: a shifted model's rows are compared one later."""
    model, recorded = folder.model(case["model"]), folder.tensors(case["tensors"])
    faults = []
    for name, given in case["inputs"].items():
        wanted = recorded[f"{name}.logits"]
        worst = largest_difference(model, given, wanted)
        if not worst <= case["tolerance"]["atol"]:
            faults.append(f"input {name}: largest difference {worst:.2e}")
    return faults


def largest_difference(model: LoadedModel, given: dict[str, Any], wanted: Tensor) -> float:
    """Over the rows that are not padding."""
    ids = torch.tensor(given["input_ids"])
    mask = torch.ones_like(ids)
    if given["attention_mask"] is not None:
        mask = torch.tensor(given["attention_mask"])
    got = logits_batch(model, ids, None, mask)
    keep = mask.bool()
    if model.spec.predict == "shifted":
        got, wanted, keep = got[:, 1:], wanted[:, :-1], keep[:, :-1]
    return float((got - wanted)[keep].abs().max())
