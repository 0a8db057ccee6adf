"""Optimisers, learning-rate schedule and weight averaging of the small models."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

WARM_UP_STEPS = 100
DECAY_SHARE = 0.35
FLOOR = 0.02


@dataclass(frozen=True)
class OptimSettings:
    """Learning rate (shared by both optimisers), weight decay of the matrices, clipping.

    `warm_up`: steps in which the rate rises; `decay_share`: last share of the budget in which it
    falls, down to `floor` of it.
    """

    learning_rate: float = 3e-3
    weight_decay: float = 0.05
    clip_norm: float = 1.0
    warm_up: int = WARM_UP_STEPS
    decay_share: float = DECAY_SHARE
    floor: float = FLOOR


def build_optimizers(model: nn.Module, settings: OptimSettings) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the blocks, AdamW for embedding, output matrix and norms."""
    named = list(model.named_parameters())
    matrices = [p for name, p in named if ".blocks." in name and p.dim() == 2]
    others = [p for name, p in named if not (".blocks." in name and p.dim() == 2)]
    muon = torch.optim.Muon(
        matrices,
        lr=settings.learning_rate,
        momentum=0.95,
        weight_decay=settings.weight_decay,
        adjust_lr_fn="match_rms_adamw",
    )
    adamw = torch.optim.AdamW(
        others, lr=settings.learning_rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True
    )
    return [muon, adamw]


def rate_factor(step: int, spent: float, settings: OptimSettings | None = None) -> float:
    """Share of the full learning rate: warm-up by steps, linear decay by the budget spent."""
    chosen = settings or OptimSettings()
    warm = min(1.0, (step + 1) / chosen.warm_up)
    return warm * min(1.0, max(chosen.floor, (1 - spent) / chosen.decay_share))


def set_rate(optimizers: list[torch.optim.Optimizer], rate: float) -> None:
    """The same learning rate for every group, times its own `scale`."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate * group.get("scale", 1.0)


class Average:
    """Exponential moving average of the weights, which is what is evaluated and shipped."""

    def __init__(self, model: nn.Module, decay: float = 0.995) -> None:
        self.decay = decay
        self.updates = 0
        self.weights: dict[str, Tensor] = {
            name: p.detach().clone() for name, p in model.named_parameters()
        }

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Move towards the model; early on faster, so that the start is forgotten."""
        self.updates += 1
        keep = min(self.decay, (1 + self.updates) / (10 + self.updates))
        mine = list(self.weights.values())
        torch._foreach_lerp_(mine, [p.detach() for p in model.parameters()], 1 - keep)

    @torch.no_grad()
    def copy_to(self, model: nn.Module) -> None:
        """Write the averaged weights into a model of the same shape."""
        for name, parameter in model.named_parameters():
            parameter.copy_(self.weights[name])
