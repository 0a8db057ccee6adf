"""The distribution of the open positions, each summary worked out when first asked for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor

from inference.engine.inverse_draw import inverse_draw
from inference.engine.processing import forbid
from inference.engine.reduce import FLAT, best_token, entropies, largest, mass


class Distribution:
    """softmax of logits [n, V]; tokens in `barred` keep their share but are never the best.

    With `ids` [n, V] the columns are not the vocabulary but these tokens of it, and every other
    token has probability 0: what filters leave of a large vocabulary.
    """

    def __init__(
        self, logits: Tensor, barred: Sequence[int | None] = (), ids: Tensor | None = None
    ) -> None:
        self.logits = logits
        self.barred = tuple(token for token in barred if token is not None)
        self.ids = ids
        self._drawn: tuple[Tensor, Tensor] | None = None

    @cached_property
    def top(self) -> Tensor:
        """The column [n] of the largest logit, barred or not."""
        return largest(self.logits)

    @cached_property
    def peak(self) -> Tensor:
        """That logit [n, 1]."""
        return self.logits.gather(1, self.top[:, None])

    @cached_property
    def mass(self) -> Tensor:
        """The sum [n, 1] of exp(l - peak)."""
        return mass(self.logits, self.peak)

    @cached_property
    def norm(self) -> Tensor:
        """log sum exp [n]."""
        return (self.mass.log() + self.peak)[:, 0]

    @cached_property
    def log_probs(self) -> Tensor:
        return self.logits - self.norm[:, None]

    @cached_property
    def probs(self) -> Tensor:
        return self.log_probs.exp()

    @cached_property
    def _softmax(self) -> Tensor:
        """Of a small vocabulary, for which one call is quicker than its parts."""
        return self.logits.softmax(-1)

    @cached_property
    def eligible(self) -> Tensor:
        """The logits [n, V] with the barred tokens at -inf."""
        if self.ids is None:
            return forbid(self.logits, self.barred)
        barred = torch.tensor(self.barred, device=self.ids.device)
        return self.logits.masked_fill(torch.isin(self.ids, barred), -torch.inf)

    @cached_property
    def best(self) -> Tensor:
        """The most likely eligible token [n]; of equals the one with the lowest column."""
        if self.ids is None:
            return best_token(self.logits, self.barred, self.top)
        return self._tokens(largest(self.eligible))

    @cached_property
    def p1(self) -> Tensor:
        return self.prob_of(self.best)

    @cached_property
    def margin(self) -> Tensor:
        """Lead of the best eligible token over the second [n]."""
        count = min(2, self.logits.shape[-1])
        best = (self.eligible.topk(count, dim=-1).values - self.norm[:, None]).exp()
        return best[:, 0] - best[:, 1] if count == 2 else best[:, 0]

    @cached_property
    def entropy(self) -> Tensor:
        """In nats [n]; a token of probability 0 adds nothing."""
        return entropies(self.logits)

    def prob_of(self, tokens: Tensor) -> Tensor:
        """The probability [n] of one token in each row."""
        if self.ids is not None:
            return (self.probs * (self.ids == tokens[:, None])).sum(-1)
        if self._drawn is not None and self._drawn[0] is tokens:
            return self._drawn[1]
        if self.logits.shape[-1] <= FLAT:
            return self._softmax.gather(1, tokens[:, None])[:, 0]
        weights = (self.logits.gather(1, tokens[:, None]) - self.peak).exp()
        return (weights / self.mass)[:, 0]

    def draw(self, uniform: Tensor, temperature: float = 1.0) -> Tensor:
        """An eligible token [n] for uniform numbers [n], at a further temperature."""
        if self.ids is not None:
            return self._tokens(inverse_draw(self.eligible, uniform, temperature)[0])
        tokens, probs = inverse_draw(self.logits, uniform, temperature, self.barred)
        if temperature == 1.0:
            self._drawn = tokens, probs
        return tokens

    def rows(self, keep: Tensor) -> Distribution:
        """The same for some rows only (a mask or indices)."""
        ids = None if self.ids is None else self.ids[keep]
        return Distribution(self.logits[keep], self.barred, ids)

    def _tokens(self, columns: Tensor) -> Tensor:
        assert self.ids is not None
        return self.ids.gather(1, columns[:, None])[:, 0]
