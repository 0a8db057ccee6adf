"""The tables of small functions: schedules, selections and filters."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from inference.engine.decoding.distribution import Distribution
from inference.engine.decoding.official import loops as official
from inference.engine.decoding.quotas import best
from inference.engine.decoding.scores import certainty_of
from inference.engine.parity.fixtures import Folder
from inference.engine.processing import keep_top_k, keep_top_p

ATOL = 1e-5


def check_helpers(folder: Folder, tables: dict[str, Any]) -> list[str]:
    """Faults of all tables."""
    return [
        *_schedules(tables["transfer_schedule"]),
        *_selections(tables["factor_selection"], "factor"),
        *_selections(tables["threshold_selection"], "threshold"),
        *_filters(tables["sampling_filters"]),
    ]


def _schedules(rows: list[dict[str, Any]]) -> list[str]:
    return [
        f"schedule of {row['masked']} in {row['steps']}"
        for row in rows
        if official.transfer_schedule(row["masked"], row["steps"]) != row["counts"]
    ]


def _selections(rows: list[dict[str, Any]], rule: str) -> list[str]:
    return [f"{rule} row {i}" for i, row in enumerate(rows) if not _selected(row, rule)]


def _selected(row: dict[str, Any], rule: str) -> bool:
    masked = torch.tensor(row["masked"])
    scores = torch.tensor(row["confidence"])[masked]
    if rule == "factor":
        chosen = official.walk(scores, row["factor"])
    else:
        chosen = best(scores, max(1, int((scores >= row["threshold"]).sum())))
    selected = torch.zeros_like(masked)
    selected[masked.nonzero()[:, 0][chosen]] = True
    return bool(selected.tolist() == row["selected"])


def _filters(rows: list[dict[str, Any]]) -> list[str]:
    return [f"filter row {i}" for i, row in enumerate(rows) if not _filtered(row)]


def _filtered(row: dict[str, Any]) -> bool:
    logits = torch.tensor(row["logits"])
    kept = keep_top_k(keep_top_p(logits, row["top_p"]), row["top_k"])
    judged = Distribution(kept)
    same = [line.nonzero()[:, 0].tolist() for line in kept > -torch.inf] == row["kept"]
    scores = {
        "maskgit_plus": judged.p1,
        "topk_margin": judged.margin,
        "entropy": certainty_of(judged),
    }
    return same and all(_close(value, row[name]) for name, value in scores.items())


def _close(value: Tensor, recorded: Any) -> bool:
    wanted = recorded["confidence"] if isinstance(recorded, dict) else recorded
    return bool(torch.allclose(value, torch.tensor(wanted), atol=ATOL))
