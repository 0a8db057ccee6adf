"""The distribution of the open positions, each summary worked out when first asked for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor

from ..processing import forbid


class Distribution:
    """softmax of logits [n, V]; tokens in `barred` keep their share but are never the best."""

    def __init__(self, logits: Tensor, barred: Sequence[int | None] = ()) -> None:
        self.logits = logits
        self.barred = tuple(barred)

    @cached_property
    def norm(self) -> Tensor:
        """log sum exp [n]."""
        return self.logits.logsumexp(-1)

    @cached_property
    def log_probs(self) -> Tensor:
        return self.logits - self.norm[:, None]

    @cached_property
    def probs(self) -> Tensor:
        return self.log_probs.exp()

    @cached_property
    def eligible(self) -> Tensor:
        """The logits [n, V] with the barred tokens at -inf."""
        return forbid(self.logits, self.barred)

    @cached_property
    def best(self) -> Tensor:
        """The most likely eligible token [n]; of equals the one with the lowest id."""
        return self.eligible.argmax(-1)

    @cached_property
    def p1(self) -> Tensor:
        return self.prob_of(self.best)

    @cached_property
    def margin(self) -> Tensor:
        """Lead of the best eligible token over the second [n]."""
        two = (self.eligible.topk(2, dim=-1).values - self.norm[:, None]).exp()
        return two[:, 0] - two[:, 1]

    @cached_property
    def entropy(self) -> Tensor:
        """In nats [n]; a token of probability 0 adds nothing."""
        floor = torch.finfo(self.logits.dtype).min
        return -(self.probs * self.log_probs.clamp_min(floor)).sum(-1)

    def prob_of(self, tokens: Tensor) -> Tensor:
        """The probability [n] of one token in each row."""
        return (self.logits.gather(-1, tokens[:, None])[:, 0] - self.norm).exp()

    def rows(self, keep: Tensor) -> Distribution:
        """The same for some rows only (a mask or indices)."""
        return Distribution(self.logits[keep], self.barred)
