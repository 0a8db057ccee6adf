"""What the noisy copies of a document hide: four kinds in turn, each block at a level of its own.

`suffix`: all from a place of the block on; there the parent's own candidates are exact targets.
`random`: each token with the block's chance. `rest`: what the copy before it leaves visible
(complementary masks, Fast-dLLM v2, arXiv 2509.26328). `gaps`: one or two tokens of a block, which
is how decoding ends a block and how a gap is filled.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Draw:
    """Blocks [n, block] of one copy: `chance` in [0, 1) a token, `level` [n, 1] a block.

    `free`: may be hidden; the others stand before what is predicted. `before`: what the copy
    before this one hides.
    """

    free: Tensor
    chance: Tensor
    level: Tensor
    before: Tensor


def _suffix(draw: Draw) -> Tensor:
    count = draw.free.sum(1, keepdim=True)
    return draw.free.cumsum(1) > (draw.level * count).floor()


def _gaps(draw: Draw) -> Tensor:
    order = draw.chance.masked_fill(~draw.free, 2.0).argsort(1).argsort(1)
    return order <= (draw.level >= 0.5)


KINDS: dict[str, Callable[[Draw], Tensor]] = {
    "suffix": _suffix,
    "random": lambda draw: draw.chance < draw.level,
    "rest": lambda draw: ~draw.before,
    "gaps": _gaps,
}


def soft_copies(copies: int) -> Tensor:
    """[copies]: which hide the end of each block, so that the parent's probabilities hold."""
    kinds = list(KINDS)
    return torch.tensor([kinds[number % len(kinds)] == "suffix" for number in range(copies)])


def hide(
    at: Tensor,
    begin: int,
    block: int,
    copies: int,
    generator: torch.Generator,
    rate: float | None = None,
) -> Tensor:
    """Which of the places `at` [m], whole blocks, each copy hides: [copies, m].

    Nothing before the place `begin` is hidden. With `rate` every copy hides tokens at this rate.
    """
    free = (at >= begin).view(-1, block)
    chance = torch.rand(copies, *free.shape, generator=generator)
    level = torch.rand(copies, len(free), 1, generator=generator)
    if rate is not None:
        return ((chance < rate) & free).view(copies, -1)
    rules, found = list(KINDS.values()), [~free]
    for number in range(copies):
        draw = Draw(free, chance[number], level[number], found[-1])
        found.append(rules[number % len(rules)](draw) & free)
    return torch.stack(found[1:]).view(copies, -1)
