"""Joint log-probabilities of given choices at masked places, by a masked diffusion model.

A choice of tokens t1 … tn at a place of n masks has the probability p(t1) p(t2 | t1) …: each factor
is the model's prediction with the tokens before it written and the rest of the place masked, and
all factors are known beforehand, so that they are rows of one padded forward. Choices of one token
share a single row. What the chain rule gives is a probability *given the number of tokens*: a model
of masks says nothing on how long an answer is, so that longer choices are compared as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import torch
from torch import Tensor

from inference.engine.checkpoint import LoadedModel
from inference.engine.errors import InputError
from inference.engine.forward import ForwardMany, Request, forward_many

Ids = tuple[int, ...]
MOST_ROWS = 256
"""Sequences that one question may need."""
FORWARD_TOKENS = 16_384
"""Padded tokens of one forward; a question that needs more takes another one."""


@dataclass(frozen=True)
class Scored:
    """`logprobs`: nats of each choice of each place. `rows`: sequences; `forwards`: passes."""

    logprobs: list[list[float]]
    rows: int
    forwards: int


@dataclass
class Questions:
    """Which logits are needed: canvas → its positions, and the factors of every choice."""

    canvases: dict[Ids, list[int]] = field(default_factory=dict)
    factors: list[list[list[tuple[Ids, int, int]]]] = field(default_factory=list)

    def need(self, canvas: Ids, position: int, token: int) -> tuple[Ids, int, int]:
        positions = self.canvases.setdefault(canvas, [])
        if position not in positions:
            positions.append(position)
        return canvas, position, token


def joint_logprobs(
    model: LoadedModel,
    pieces: Sequence[Ids],
    places: Sequence[Sequence[Ids]],
    forward: ForwardMany = forward_many,
) -> Scored:
    """Scores of every choice of every place between the pieces of a text.

    While one place is scored, the others stand masked, with as many masks as their shortest choice.
    Raises InputError without a mask token, for an empty choice and for more than MOST_ROWS rows.
    """
    mask = model.spec.mask_id
    if mask is None:
        raise InputError("This model has no mask, so that it cannot decide.", "model")
    if not all(choice for place in places for choice in place):
        raise InputError("A choice has no token.", "places")
    asked = questions(pieces, places, mask)
    if len(asked.canvases) > MOST_ROWS:
        raise InputError(f"These choices need {len(asked.canvases)} rows; {MOST_ROWS} is the most.")
    found, forwards = _answers(model, asked, mask, forward)
    sums = [[_sum(found, factors) for factors in place] for place in asked.factors]
    return Scored(sums, len(asked.canvases), forwards)


def questions(pieces: Sequence[Ids], places: Sequence[Sequence[Ids]], mask: int) -> Questions:
    """Every factor of every choice, on as few canvases as there are different ones."""
    made = Questions()
    shortest = [min(map(len, place)) for place in places]
    for index, place in enumerate(places):
        rows = []
        for choice in place:
            spans = [(mask,) * length for length in shortest]
            start = sum(map(len, pieces[: index + 1])) + sum(shortest[:index])
            row = []
            for at, token in enumerate(choice):
                spans[index] = choice[:at] + (mask,) * (len(choice) - at)
                row.append(made.need(_joined(pieces, spans), start + at, token))
            rows.append(row)
        made.factors.append(rows)
    return made


def _joined(pieces: Sequence[Ids], spans: Sequence[Ids]) -> Ids:
    parts = [pieces[0]]
    for span, piece in zip(spans, pieces[1:], strict=True):
        parts += [span, piece]
    return tuple(token for part in parts for token in part)


Found = dict[tuple[Ids, int], Tensor]


@torch.inference_mode()
def _answers(
    model: LoadedModel, asked: Questions, mask: int, forward: ForwardMany
) -> tuple[Found, int]:
    """Log-probabilities [V] by canvas and position; the mask is no answer."""
    found: Found = {}
    forwards = 0
    for canvases in _portions(list(asked.canvases)):
        requests = [_request(model, canvas, asked.canvases[canvas]) for canvas in canvases]
        forwards += 1
        for canvas, logits in zip(canvases, forward(model, requests), strict=True):
            scores = logits.float().clone()
            scores[:, mask] = -torch.inf
            for position, row in zip(asked.canvases[canvas], scores.log_softmax(-1), strict=True):
                found[canvas, position] = row
    return found, forwards


def _portions(canvases: list[Ids]) -> Iterator[list[Ids]]:
    """So many at once as FORWARD_TOKENS allow; one if it alone is longer."""
    size = max(1, FORWARD_TOKENS // max(map(len, canvases)))
    for start, end in pairwise([*range(0, len(canvases), size), len(canvases)]):
        yield canvases[start:end]


def _request(model: LoadedModel, canvas: Ids, positions: list[int]) -> Request:
    ids, rows = (torch.tensor(one, device=model.device) for one in (canvas, positions))
    return Request(ids, rows)


def _sum(found: Found, factors: list[tuple[Ids, int, int]]) -> float:
    values = [found[canvas, position][token] for canvas, position, token in factors]
    return float(torch.stack(values).double().sum())
