"""Automatic choice from a kept distribution: positions by a ranking, tokens by the settings."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import torch

from inference.engine.decoding.rankings import rank
from inference.errors import UnmaskError
from visualizer.models import Session
from visualizer.selectors.candidates import settings_from, view_of
from visualizer.selectors.generation import noise_seed, open_in_block
from visualizer.selectors.history import StateRef, digest_at, state_at
from visualizer.selectors.position_stats import PositionStats


@dataclass(frozen=True)
class Choosable:
    """The positions that may be taken now, each with its token and how sure the model is of it."""

    positions: list[int]
    tokens: list[int]
    probs: list[float]
    p1: Any
    entropy: Any
    number: int
    seed: int


def choosable(session: Session, ref: StateRef) -> Choosable:
    """From the digest of a state. Raises UnmaskError if no forward pass was kept for it."""
    digest = digest_at(session, ref)
    if digest is None:
        raise UnmaskError("conflict", "No cached logits available. Run forward pass first.")
    view = view_of(digest)
    settings = settings_from(session.settings or digest.settings)
    numbers = PositionStats(view, settings, noise_seed(session, ref.number))
    positions = [p for p in open_in_block(session, state_at(session, ref)) if p in view.row_of]
    rows = [view.row_of[p] for p in positions]
    return Choosable(
        positions,
        numbers.best[rows].tolist(),
        numbers.confidence[rows].tolist(),
        numbers.confidence[rows],
        numbers.entropy[rows],
        ref.number,
        session.seed,
    )


def choose(choices: Choosable, strategy: str, count: int) -> dict[int, int]:
    """Position → token of the first `count` positions in the strategy's order."""
    order = rank(
        strategy,
        torch.as_tensor(choices.p1),
        torch.as_tensor(choices.entropy),
        _dice(choices.seed, choices.number),
    )
    taken = order[:count].tolist()
    return {choices.positions[i]: choices.tokens[i] for i in taken}


def _dice(seed: int, number: int) -> torch.Generator:
    """The random order of a step depends on the session's seed and the step alone."""
    digest = hashlib.sha256(f"rank:{seed}:{number}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
