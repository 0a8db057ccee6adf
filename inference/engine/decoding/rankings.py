"""The five position rankings of the JSON protocol: names mean what its glosses say.

Each takes confidence p1 [n] and entropy [n] of the open positions, in order of position, and
returns the order [n] (indices, first choice first). Ties go to the earlier position.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from inference import catalog
from inference.engine.errors import InputError

Ranking = Callable[[Tensor, Tensor, torch.Generator], Tensor]


def low_confidence(p1: Tensor, entropy: Tensor, generator: torch.Generator) -> Tensor:
    """The least confident positions first."""
    return p1.argsort(stable=True)


def high_confidence(p1: Tensor, entropy: Tensor, generator: torch.Generator) -> Tensor:
    """The most confident positions first."""
    return p1.argsort(stable=True, descending=True)


def low_entropy(p1: Tensor, entropy: Tensor, generator: torch.Generator) -> Tensor:
    """The most certain distributions first."""
    return entropy.argsort(stable=True)


def high_entropy(p1: Tensor, entropy: Tensor, generator: torch.Generator) -> Tensor:
    """The most uncertain distributions first."""
    return entropy.argsort(stable=True, descending=True)


def random(p1: Tensor, entropy: Tensor, generator: torch.Generator) -> Tensor:
    """An order drawn from the generator."""
    draws = torch.rand(len(p1), generator=generator, device=generator.device)
    return draws.argsort(stable=True).to(p1.device)


def rank(name: str, p1: Tensor, entropy: Tensor, generator: torch.Generator) -> Tensor:
    """The order by a ranking's name. Raises InputError for an unknown one."""
    if name not in catalog.RANKINGS:
        known = ", ".join(catalog.RANKINGS)
        raise InputError(f"Unknown strategy {name!r}. Known: {known}.", "strategy")
    ranking: Ranking = catalog.resolve(catalog.RANKINGS[name])
    return ranking(p1, entropy, generator)
