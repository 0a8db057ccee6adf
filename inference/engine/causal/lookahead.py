"""Distributions of the next tokens, each after the token that was chosen from the one before it.

What a page shows of the present token is the first of them; the others are there before anybody
asks. The window slides over texts that are longer than the model's context.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from torch import Tensor

from inference.engine import digest
from inference.engine.causal.engine import CausalEngine
from inference.engine.causal.results import Candidate, candidates
from inference.engine.causal.sampling import Sampling, choose
from inference.engine.errors import InputError
from inference.engine.reduce import entropies

MOST = 64
"""Tokens ahead that one call may compute."""


@dataclass(frozen=True)
class NextToken:
    """What may follow a text of which the model saw the last `seen` tokens.

    `candidates`: the most probable ones, best first. `chosen`: the token to go on with. `entropy`
    in nats, over the whole vocabulary at temperature 1. `digest`: the distribution in the form of
    `engine.digest`, at position 0.
    """

    candidates: list[Candidate]
    chosen: int
    entropy: float
    seen: int
    digest: bytes


def lookahead(
    engine: CausalEngine,
    ids: Sequence[int],
    sampling: Sampling,
    draws: bool = False,
    top: int = 10,
    count: int = 1,
) -> Iterator[NextToken]:
    """The distribution after `ids`, then `count - 1` after the tokens that are chosen from them.

    The most probable token is chosen, with `draws` one at random: by the seed and its place in the
    whole text. At temperature 0 all of the chance is the best token's. Raises InputError and
    EngineError.
    """
    if not 1 <= count <= MOST:
        raise InputError(f"count must be 1 to {MOST}, not {count}.", "ahead")
    whole, context = list(ids), engine.model.context
    window = whole[-context:]
    engine.check(window, sampling, top)
    while True:
        with closing(engine.pool.open(window)) as sequence:
            while len(sequence.ids) <= context:
                logits = engine.logits(sequence)
                seen = len(sequence.ids)
                made = engine.on_device(lambda: _told(logits, sampling, whole, draws, top, seen))  # noqa: B023
                yield made
                count -= 1
                if not count:
                    return
                whole.append(made.chosen)
                sequence.ids.append(made.chosen)
            window = sequence.ids[-context:]


def _told(
    logits: Tensor, sampling: Sampling, whole: Sequence[int], draws: bool, top: int, seen: int
) -> NextToken:
    best = candidates(
        logits, replace(sampling, temperature=sampling.temperature or 1.0), whole, top
    )
    if not sampling.temperature:
        best = [replace(one, chance=float(n == 0)) for n, one in enumerate(best)]
    chosen = choose(logits, sampling, whole) if draws else best[0].token
    rows = logits[None]
    return NextToken(
        best,
        chosen,
        float(entropies(rows)[0]),
        seen,
        digest.reduce(rows, [0]).to_bytes(coded=False),
    )
