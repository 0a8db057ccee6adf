"""Log-likelihood of an answer under a masked diffusion model, estimated by masking at random.

After ML-GSAI/LLaDA get_log_likelihood.py: the answer's tokens are masked at a ratio drawn per
sample, and the cross entropy of the masked ones divided by the ratio is an unbiased estimate of the
bound on minus the log-likelihood (arXiv 2502.09992, eq. 6).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from inference.engine.checkpoint import LoadedModel
from inference.engine.errors import InputError
from inference.engine.forward import ForwardMany, Request, forward_many


@dataclass(frozen=True)
class Likelihood:
    """`value`: estimated log-likelihood in nats; `error`: standard error; `samples`: how many."""

    value: float
    error: float
    samples: int


@torch.inference_mode()
def log_likelihood(
    model: LoadedModel,
    prompt: Sequence[int],
    answer: Sequence[int],
    samples: int = 128,
    seed: int = 0,
    cfg_scale: float = 0.0,
    batch: int = 8,
    forward: ForwardMany = forward_many,
) -> Likelihood:
    """The estimate in nats from `samples` masked copies; equal seeds give equal copies.

    Raises InputError without an answer or a mask token.
    """
    if not answer or model.spec.mask_id is None:
        raise InputError("A likelihood needs an answer and a model with a mask token.", "answer")
    clean = torch.tensor([*prompt, *answer], device=model.device)
    generator = torch.Generator().manual_seed(seed)
    noisy, ratios = masked_copies(clean, len(prompt), model.spec.mask_id, samples, generator)
    losses = []
    for rows, ratio in zip(torch.split(noisy, batch), torch.split(ratios, batch), strict=True):
        losses.append(losses_of(model, clean, rows, ratio, len(prompt), cfg_scale, forward))
    every = torch.cat(losses).double()
    error = float(every.std() / samples**0.5) if samples > 1 else float("nan")
    return Likelihood(-float(every.mean()), error, samples)


def token_log_likelihoods(
    model: LoadedModel,
    prompt: Sequence[int],
    answer: Sequence[int],
    left_to_right: bool = False,
    batch: int = 8,
    forward: ForwardMany = forward_many,
) -> list[float]:
    """Log-probability in nats of each token of an answer, in a pass of its own in which it is
    masked.

    Everything else stays: their sum is the pseudo-log-likelihood of Salazar et al. (2020,
    arXiv 1910.14659, eq. 1), which is no likelihood. `left_to_right` masks everything behind the
    token too: then the sum is the log-likelihood of the answer in that order of writing. Raises
    InputError as above.
    """
    if not answer or model.spec.mask_id is None:
        raise InputError("A likelihood needs an answer and a model with a mask token.", "answer")
    clean = torch.tensor([*prompt, *answer], device=model.device)
    places = range(len(prompt), len(clean))
    found: list[float] = []
    for first in range(0, len(places), batch):
        some = places[first : first + batch]
        rows = [_masked(clean, place, model.spec.mask_id, left_to_right) for place in some]
        requests = [
            Request(row, torch.tensor([place], device=model.device))
            for row, place in zip(rows, some, strict=True)
        ]
        logits = forward(model, requests)
        with torch.inference_mode():
            found += [
                float(one[0].float().log_softmax(-1)[clean[place]])
                for one, place in zip(logits, some, strict=True)
            ]
    return found


def _masked(clean: Tensor, place: int, mask_id: int, behind_too: bool) -> Tensor:
    row = clean.clone()
    row[place : None if behind_too else place + 1] = mask_id
    return row


def masked_copies(
    clean: Tensor, prompt_length: int, mask_id: int, samples: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Copies [samples, L] with k answer tokens masked, k spread evenly over 1..n, and k / n."""
    size = len(clean) - prompt_length
    first = torch.randint(1, size + 1, (1,), generator=generator)
    spread = first + torch.linspace(0, size, samples + 1)[:-1].round().long()
    counts = (spread - 1) % size + 1
    order = torch.rand(samples, size, generator=generator).argsort(-1).argsort(-1)
    hidden = torch.zeros(samples, len(clean), dtype=torch.bool)
    hidden[:, prompt_length:] = order < counts[:, None]
    noisy = clean.repeat(samples, 1).masked_fill(hidden.to(clean.device), mask_id)
    return noisy, (counts / size).to(clean.device)


def losses_of(
    model: LoadedModel,
    clean: Tensor,
    noisy: Tensor,
    ratios: Tensor,
    prompt_length: int,
    cfg_scale: float = 0.0,
    forward: ForwardMany = forward_many,
) -> Tensor:
    """Cross entropy of the masked tokens over the ratio, for each copy [samples]."""
    masks = [(row == model.spec.mask_id).nonzero()[:, 0] for row in noisy]
    requests = [Request(row, rows) for row, rows in zip(noisy, masks, strict=True)]
    if cfg_scale > 0:
        bare = [_without_prompt(model, request, prompt_length) for request in requests]
        both = forward(model, [*requests, *bare])
        pairs = zip(both[: len(requests)], both[len(requests) :], strict=True)
        logits = [b + (cfg_scale + 1) * (x - b) for x, b in pairs]
    else:
        logits = forward(model, requests)
    sums = [
        torch.nn.functional.cross_entropy(x, clean[rows], reduction="sum")
        for x, rows in zip(logits, masks, strict=True)
    ]
    return torch.stack(sums) / ratios


def _without_prompt(model: LoadedModel, request: Request, prompt_length: int) -> Request:
    ids = request.ids.clone()
    ids[:prompt_length] = model.spec.mask_id or 0
    return Request(ids, request.rows)
