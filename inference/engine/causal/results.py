"""What rows of an autoregressive model's logits say: of tokens to come, and of those that stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from inference.engine.causal.sampling import Sampling, adjusted, filtered
from inference.engine.reduce import entropies

Finish = Literal["stop", "length"]
Top = tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class TokenResult:
    """One written token.

    `position`: its place in the sequence, prompt counted. `text`: by what the answer grew: whole
    characters, nothing of a stop text. `logprob`: in nats, over the whole vocabulary at
    temperature 1, before any setting. `top`: the most probable tokens and their logprobs, best
    first. `finish`: why this is the last one (`stop`: an end token or a stop text).
    """

    position: int
    token: int
    text: str
    logprob: float
    top: Top = ()
    finish: Finish | None = None


@dataclass(frozen=True)
class Candidate:
    """A possible next token: its `logprob` as in TokenResult, `chance` to be drawn (0 to 1)."""

    token: int
    logprob: float
    chance: float


@dataclass(frozen=True)
class Judged:
    """A token of a given text, the `logprob` that the model gives it (None for the first).

    `entropy` in nats of the distribution that it comes from, `rank` of the token in it (1: best).
    """

    token: int
    logprob: float | None
    top: Top = ()
    entropy: float = 0.0
    rank: int = 0


def best_of(logits: Tensor, total: Tensor, top: int) -> Top:
    """The `top` best tokens of logits [V] with their logprobs; `total`: log of the sum of all."""
    if top == 0:
        return ()
    values, ids = logits.topk(top)
    return tuple(zip(ids.tolist(), (values - total).tolist(), strict=True))


def candidates(logits: Tensor, sampling: Sampling, ids: Sequence[int], top: int) -> list[Candidate]:
    """The best tokens of logits [V], with the chance that the settings leave each of them."""
    scaled, tokens = filtered(adjusted(logits, sampling, ids), sampling)
    shares = scaled.double().softmax(-1)
    chance = torch.zeros(len(logits), dtype=torch.float64, device=logits.device)
    chance = shares if tokens is None else chance.index_copy(0, tokens, shares)
    best = best_of(logits, logits.logsumexp(-1), top)
    return [Candidate(token, logprob, float(chance[token])) for token, logprob in best]


def judged_rows(rows: Tensor, ids: Sequence[int], top: int) -> list[Judged]:
    """What rows [n, V] say of the n tokens that follow them."""
    total = rows.logsumexp(-1)
    index = torch.tensor(list(ids), device=rows.device)
    values = (rows.gather(1, index[:, None])[:, 0] - total).tolist()
    tops = [best_of(row, of, top) for row, of in zip(rows, total, strict=True)]
    ranks = (rows > rows.gather(1, index[:, None])).sum(-1).add(1).tolist()
    columns = zip(ids, values, tops, entropies(rows).tolist(), ranks, strict=True)
    return [Judged(*one) for one in columns]
