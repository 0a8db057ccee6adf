"""A toy task that a tiny model learns in seconds: three symbols, repeated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from inference.engine.training.model import MaskPredictor, Shape
from inference.engine.training.noise import Batch
from inference.engine.training.optim import OptimSettings
from inference.engine.training.trainer import Budget, Plan, Trainer

FIRST, KINDS, PERIOD, LENGTH = 3, 9, 3, 12
SHAPE = Shape(vocab_size=FIRST + KINDS, context=16, width=32, layers=2, heads=2, mlp_width=64)


class Repeats:
    """Rows abcabcabcabc of random symbols."""

    def batch(self, size: int, rng: np.random.Generator) -> Batch:
        pattern = rng.integers(FIRST, FIRST + KINDS, (size, PERIOD))
        ids = np.tile(pattern, LENGTH // PERIOD)
        return Batch(ids, np.ones_like(ids, dtype=bool))


def toy_model(seed: int = 0) -> MaskPredictor:
    torch.manual_seed(seed)
    return MaskPredictor(SHAPE)


def toy_trainer(folder: Path, steps: int, seed: int = 0) -> Trainer:
    plan = Plan(
        Budget(steps=steps),
        batch_size=32,
        seed=seed,
        optim=OptimSettings(learning_rate=1e-2),
        bf16=False,
        log_every=50,
    )
    return Trainer(toy_model(seed), Repeats(), plan, folder)
