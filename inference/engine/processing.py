"""From logits to what is shown and drawn: temperature, noise, top-k, top-p, and their summaries.

Probabilities are always over the whole vocabulary at the softmax temperature. The ids in `exclude`
(the mask) are never candidates and never drawn, but keep their share of the probability.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from inference.engine.errors import InputError
from inference.engine.reduce import entropies, log_sum

RANGES: dict[str, tuple[float, float]] = {
    "softmax_temperature": (0.1, 10.0),
    "gumbel_temperature": (0.0, 2.0),
    "visual_top_k": (1, 100),
    "actual_top_k": (1, 50000),
    "top_p": (0.01, 1.0),
}


@dataclass(frozen=True)
class Settings:
    """The probability settings of the JSON protocol: names, defaults and ranges."""

    softmax_temperature: float = 1.0
    gumbel_temperature: float = 0.0
    apply_gumbel_noise: bool = False
    visual_top_k: int = 20
    actual_top_k: int = 10
    top_p: float = 1.0

    def __post_init__(self) -> None:
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and low <= value <= high):
                raise InputError(f"{name} must be {low} to {high}.", name)

    @property
    def noise(self) -> float:
        """The temperature of the Gumbel noise that is in force."""
        return self.gumbel_temperature if self.apply_gumbel_noise else 0.0


@dataclass(frozen=True)
class Candidates:
    """The best tokens of n positions, best first: all tensors are [n, k].

    `in_actual`: whether a token is selectable, that is within the top actual_top_k and within the
    smallest set of tokens whose probability reaches top_p.
    """

    ids: Tensor
    logits: Tensor
    probs: Tensor
    in_actual: Tensor


@dataclass(frozen=True)
class Summary:
    """Per position [n]: best selectable token, its probability, its lead, entropy in nats."""

    top: Tensor
    p1: Tensor
    margin: Tensor
    entropy: Tensor


def forbid(logits: Tensor, ids: Sequence[int | None]) -> Tensor:
    """A copy of logits [..., V] with these ids at -inf; the same tensor when there are none."""
    wanted = [token for token in ids if token is not None]
    if not wanted:
        return logits
    barred = logits.clone()
    barred[..., wanted] = -torch.inf
    return barred


def gumbel(shape: Sequence[int], generator: torch.Generator, device: torch.device) -> Tensor:
    """Standard Gumbel noise [...], float32, drawn in float64 on the generator's device."""
    uniform = torch.rand(
        tuple(shape), dtype=torch.float64, generator=generator, device=generator.device
    )
    return (-(-uniform.clamp_min(1e-300).log()).log()).float().to(device)


def perturbed(logits: Tensor, settings: Settings, generator: torch.Generator | None) -> Tensor:
    """Logits [..., V] with the settings' Gumbel noise, if it is on. Needs a generator then."""
    if settings.noise == 0.0 or generator is None:
        return logits
    return logits + settings.noise * gumbel(logits.shape, generator, logits.device)


def candidates(
    logits: Tensor,
    settings: Settings,
    k: int | None = None,
    exclude: Sequence[int | None] = (),
    generator: torch.Generator | None = None,
) -> Candidates:
    """The k best tokens (default visual_top_k) of logits [n, V] with their probabilities."""
    rows = perturbed(logits, settings, generator)
    scaled = rows / settings.softmax_temperature
    total = scaled.logsumexp(-1, keepdim=True)
    k = min(k or settings.visual_top_k, rows.shape[-1])
    values, ids = forbid(rows, exclude).topk(k, dim=-1)
    probs = (values / settings.softmax_temperature - total).exp()
    within = (probs.cumsum(-1) - probs) < settings.top_p
    rank = torch.arange(k, device=rows.device)
    within = (within & (rank < settings.actual_top_k)) | (rank == 0)
    return Candidates(ids, logits.gather(-1, ids), probs, within & torch.isfinite(values))


def keep_top_k(logits: Tensor, k: int | None) -> Tensor:
    """Logits [..., V] with all below the k-th best at -inf (ties with it stay); None or 0 = all."""
    if not k or k >= logits.shape[-1]:
        return logits
    limit = logits.topk(k, dim=-1).values[..., -1:]
    return logits.masked_fill(logits < limit, -torch.inf)


def keep_top_p(logits: Tensor, p: float | None) -> Tensor:
    """Logits [..., V] with those outside the smallest set that reaches probability p at -inf.

    The token that crosses the threshold stays, so at least one always does.
    """
    if p is None or p >= 1.0:
        return logits
    ordered, order = logits.sort(dim=-1, descending=True)
    outside = outside_nucleus(ordered.softmax(-1), p)
    return logits.masked_fill(outside.scatter(-1, order, outside), -torch.inf)


def outside_nucleus(probs: Tensor, p: float) -> Tensor:
    """Which of the descending probabilities [n, k] lie behind the token that crosses p."""
    outside = (probs.cumsum(-1) - probs) > p
    outside[..., 0] = False
    return outside


def summarise(
    logits: Tensor, exclude: Sequence[int | None] = (), temperature: float = 1.0
) -> Summary:
    """Best token, confidence, margin and entropy of every row of logits [n, V]."""
    barred = [token for token in exclude if token is not None]
    count = min(2 + len(barred), logits.shape[-1])
    scaled = logits if temperature == 1.0 else logits / temperature
    values, ids = scaled.topk(count, dim=-1)
    for token in barred:
        values = values.masked_fill(ids == token, -torch.inf)
    two, order = values.topk(min(2, count), dim=-1)
    probs = (two - log_sum(scaled)[:, None]).exp()
    margin = probs[:, 0] - (probs[:, 1] if count > 1 else 0)
    return Summary(ids.gather(1, order[:, :1])[:, 0], probs[:, 0], margin, entropies(scaled))
