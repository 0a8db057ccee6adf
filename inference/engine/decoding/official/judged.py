"""A judgement that is known as one number for each row."""

from __future__ import annotations

from torch import Tensor

from inference.engine.decoding.distribution import Distribution


class Fixed(Distribution):
    """Stands for a distribution of which one token of each row is known."""

    def __init__(self, best: Tensor, p1: Tensor) -> None:
        super().__init__(p1[:, None])
        self.__dict__.update(best=best, p1=p1)

    def prob_of(self, tokens: Tensor) -> Tensor:
        return self.__dict__["p1"]  # type: ignore[no-any-return]
