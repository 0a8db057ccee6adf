"""How probable an autoregressive model finds a text, token by token and as a whole.

Generative perplexity is exp of minus the mean log-probability of a text's tokens under a judging
model, after the text was tokenized anew for it: the measure of samples in the literature on
diffusion models (SEDD, arXiv 2310.16834, section 5; MDLM, arXiv 2406.07524, section 5).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial

from inference.engine.causal.engine import CausalEngine
from inference.engine.causal.results import Judged, judged_rows
from inference.engine.errors import InputError


@dataclass(frozen=True)
class TextScore:
    """The tokens of a text. `left_out`: those at its beginning that did not fit into the window.

    Without a prompt the first token has no log-probability, and does not count.
    """

    tokens: list[Judged]
    left_out: int = 0

    @property
    def logprobs(self) -> list[float]:
        """In nats, of the tokens that have one."""
        return [one.logprob for one in self.tokens if one.logprob is not None]

    @property
    def nats(self) -> float:
        """Log-probability of the whole text."""
        return math.fsum(self.logprobs)

    @property
    def perplexity(self) -> float | None:
        """None where no token could be judged."""
        return perplexity(self.logprobs)


def perplexity(logprobs: Sequence[float]) -> float | None:
    """exp(-mean) of log-probabilities in nats; None without any."""
    return math.exp(-math.fsum(logprobs) / len(logprobs)) if logprobs else None


def score_text(
    engine: CausalEngine, text: str, prompt: str = "", top: int = 0, whole: bool = False
) -> TextScore:
    """The score of `text` where it follows `prompt`, which is read and not scored.

    Of more tokens than the model's context has the last ones count; of a `whole` text all of them,
    the window sliding. Raises InputError for a text without tokens, and EngineError.
    """
    tokenizer = engine.model.tokenizer
    if tokenizer is None:
        raise InputError("This model cannot read text.", "model")
    before = tokenizer.encode_prompt(prompt) if prompt else []
    before = before or list(tokenizer.leading)
    return score_ids(engine, tokenizer.encode(text), before, top, whole)


def score_ids(
    engine: CausalEngine,
    ids: Sequence[int],
    before: Sequence[int] = (),
    top: int = 0,
    whole: bool = False,
) -> TextScore:
    """The same for token ids, `before` standing in front of them."""
    if not ids:
        raise InputError("There is no text to be scored.", "text")
    if whole:
        return TextScore(score_line(engine, ids, before, top))
    seen = [*before, *ids][-engine.model.context :]
    kept = min(len(ids), len(seen))
    judged = engine.judge(seen, top)
    return TextScore(judged[len(judged) - kept :], len(ids) - kept)


def score_line(
    engine: CausalEngine, ids: Sequence[int], before: Sequence[int], top: int = 0
) -> list[Judged]:
    """Every one of `ids` as it was judged when it was written, one after the other.

    Those within the context take one pass; behind it the window slides, a pass for each. With
    nothing `before` them the first one has no log-probability. Raises InputError and EngineError.
    """
    whole, context = [*before, *ids], engine.model.context
    first = whole[:context]
    judged = engine.judge(first, top)[len(before) :] if len(before) < len(first) else []
    for place in range(max(context, len(before)), len(whole)):
        with closing(engine.pool.open(whole[place - context : place])) as sequence:
            rows = engine.logits(sequence)[None]
        judged += engine.on_device(partial(judged_rows, rows, [whole[place]], top))
    return judged
