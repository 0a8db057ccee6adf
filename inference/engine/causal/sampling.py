"""How the next token is chosen from its logits, in the order of transformers' `generate`.

Bias and repetition penalty, then temperature, top-k, top-p, min-p. Random numbers depend on the
seed and on the token's position alone: a sequence that is resumed, or that shares its forwards
with others, goes on with the same tokens.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from inference.engine.decoding.filters import nucleus_floor
from inference.engine.errors import InputError
from inference.engine.grammar.compiler import Grammar

RANGES: dict[str, tuple[float, float]] = {
    # setting: least and most, both allowed
    "temperature": (0.0, 10.0),
    "top_p": (1e-6, 1.0),
    "min_p": (0.0, 1.0),
    "repetition_penalty": (0.1, 10.0),
    "top_k": (0, 10**9),
}


@dataclass(frozen=True)
class Sampling:
    """`temperature` 0 takes the most probable token; `top_k` 0 and `top_p` 1 leave all.

    `min_p`: the least share of the best token's probability. `repetition_penalty` (1 = none)
    divides positive and multiplies negative logits of tokens that stand in the sequence already.
    `logit_bias`: token id → what is added to its logit. `stop`: texts that end the answer and are
    not part of it. `grammar`: what the whole answer must match.
    """

    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    logit_bias: Mapping[int, float] = field(default_factory=dict)
    stop: Sequence[str] = ()
    seed: int = 0
    grammar: Grammar | None = None

    def check(self, vocabulary: int) -> None:
        """Raises InputError naming the setting that is out of range."""
        for name, (least, most) in RANGES.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise InputError(f"{name} must be {least:g} to {most:g}, not {value}.", name)
        for token, bias in self.logit_bias.items():
            if not 0 <= token < vocabulary or not math.isfinite(bias):
                raise InputError(
                    f"logit_bias takes finite numbers for tokens 0 to {vocabulary - 1}.",
                    "logit_bias",
                )
        if not all(self.stop):
            raise InputError("A stop text must not be empty.", "stop")


def adjusted(logits: Tensor, sampling: Sampling, ids: Sequence[int]) -> Tensor:
    """Logits [V] with bias and repetition penalty, for a sequence that begins with `ids`."""
    if not sampling.logit_bias and sampling.repetition_penalty == 1.0:
        return logits
    logits = logits.clone()
    if sampling.logit_bias:
        places = torch.tensor(list(sampling.logit_bias), device=logits.device)
        values = torch.tensor(list(sampling.logit_bias.values()), device=logits.device)
        logits[places] += values.to(logits.dtype)
    if sampling.repetition_penalty != 1.0:
        seen = torch.tensor(sorted(set(ids)), device=logits.device)
        found, penalty = logits[seen], sampling.repetition_penalty
        logits[seen] = torch.where(found < 0, found * penalty, found / penalty)
    return logits


def filtered(logits: Tensor, sampling: Sampling) -> tuple[Tensor, Tensor | None]:
    """Logits [n] at the temperature with -inf for what is cut, and their ids [n].

    Ids are None where the logits are those of the whole vocabulary, in its order. At temperature 0
    only the best token is left.
    """
    if sampling.temperature == 0:
        best = logits.argmax(keepdim=True)
        return logits[best], best
    ids, scaled = None, logits / sampling.temperature
    if 0 < sampling.top_k < len(scaled):
        scaled, ids = scaled.topk(sampling.top_k)
    if sampling.top_p < 1:
        floor = nucleus_floor(scaled, sampling.top_p)
        scaled = scaled.masked_fill(scaled < floor, -torch.inf)
    if sampling.min_p > 0:
        floor = scaled.max() + math.log(sampling.min_p)
        scaled = scaled.masked_fill(scaled < floor, -torch.inf)
    return scaled, ids


def choose(logits: Tensor, sampling: Sampling, ids: Sequence[int]) -> int:
    """The token that follows `ids`, from its logits [V]."""
    scaled, tokens = filtered(adjusted(logits, sampling, ids), sampling)
    if len(scaled) == 1:
        place = 0
    else:
        mass = scaled.double().softmax(-1).cumsum(-1)
        drawn = uniform(sampling.seed, len(ids)) * float(mass[-1])
        place = int(torch.searchsorted(mass, drawn, right=True).clamp_max(len(mass) - 1))
    return place if tokens is None else int(tokens[place])


def uniform(seed: int, position: int) -> float:
    """A number from 0 up to 1 that belongs to a seed and a position."""
    digest = hashlib.sha256(f"{seed}:{position}".encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56
