"""Autoregressive generation with one model, token by token, resumable at any token.

Everything here is called from task threads; forwards go through `run` (a Batcher in a worker), so
that the sequences of several requests are computed together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference.engine.causal.pool import CachedSequence, Turn
from inference.engine.causal.prefixes import PrefixStore
from inference.engine.causal.results import (
    Candidate,
    Finish,
    Judged,
    TokenResult,
    Top,
    best_of,
    candidates,
    judged_rows,
)
from inference.engine.causal.sampling import Sampling, choose
from inference.engine.causal.steps import PIECE, Pool, step
from inference.engine.causal.text import StopTexts, TextStream
from inference.engine.checkpoint import LoadedModel
from inference.engine.errors import InputError
from inference.engine.grammar.prefix_filter import PrefixFilter
from inference.engine.grammar.vocabulary import automaton_for

T = TypeVar("T")
Run = Callable[[LoadedModel, Sequence[Any]], list[Tensor]]
Submit = Callable[[Callable[[], Any]], Any]
MEGABYTE = 2**20


class CausalEngine:
    """Generates with one model. `store` keeps the KV cache of finished sequences.

    `slot_bytes`: memory for the sequences at work. `submit` runs what needs the device alone.
    """

    def __init__(
        self,
        model: LoadedModel,
        store: PrefixStore | None = None,
        run: Run = step,
        submit: Submit = lambda work: work(),
        slot_bytes: int = 1024 * MEGABYTE,
    ) -> None:
        if model.spec.attention != "causal":
            raise InputError("This model does not write from left to right.", "model_path")
        self.model, self._run, self._submit = model, run, submit
        self.store = store if store is not None else PrefixStore(256 * MEGABYTE)
        self.pool = Pool(model, self.store, slot_bytes)
        self.stop_ids = frozenset(model.spec.end_ids)

    def generate(
        self,
        ids: Sequence[int],
        sampling: Sampling | None = None,
        max_tokens: int | None = None,
        top: int = 0,
        written: int = 0,
        end: bool = True,
    ) -> Iterator[TokenResult]:
        """Tokens that follow `ids`, one for each `next`; nothing is computed ahead.

        To go on after an interruption pass all ids so far and `written`, how many of them are the
        answer's: tokens and text are then those of an uninterrupted run, except that text told
        already is not told again. `max_tokens` counts written ones; None: as far as the context
        reaches. `end` False writes past end tokens. Raises InputError and EngineError.
        """
        sampling = sampling or Sampling()
        self.check(ids, sampling, top, written)
        room = self.model.context - len(ids)
        left = room if max_tokens is None else min(room, max_tokens - written)
        answer = _Answer(self, sampling, ids[len(ids) - written :])
        sequence = self.pool.open(ids)
        try:
            while left > 0:
                result = answer.next(sequence, top, left, end)
                yield result
                if result.finish is not None:
                    return
                left -= 1
        finally:
            sequence.close()

    def next_distribution(
        self, ids: Sequence[int], top: int = 10, sampling: Sampling | None = None
    ) -> list[Candidate]:
        """The `top` most probable tokens after `ids`, best first, with their chances.

        Raises InputError and EngineError.
        """
        sampling = sampling or Sampling(temperature=1.0)
        self.check(ids, sampling, top, 0)
        sequence = self.pool.open(ids)
        try:
            logits = self.logits(sequence)
        finally:
            sequence.close()
        return self.on_device(lambda: candidates(logits, sampling, ids, top))

    def judge(self, ids: Sequence[int], top: int = 0) -> list[Judged]:
        """Log-probabilities of the tokens of a text, and the `top` best ones in each place.

        The first token has none. Raises InputError and EngineError.
        """
        self.check(ids, Sampling(), top, 0)
        judged = [Judged(ids[0], None)]
        sequence = self.pool.open(ids, reuse=False)
        try:
            for begin in range(0, len(ids) - 1, PIECE):
                end = min(begin + PIECE, len(ids) - 1)
                turn = Turn(sequence, end, rows=end - begin)
                rows = self._run(self.model, [turn])[0]
                work = partial(judged_rows, rows, ids[begin + 1 : end + 1], top)
                judged += self.on_device(work)
        finally:
            sequence.close()
        return judged

    def logits(self, sequence: CachedSequence) -> Tensor:
        """Float32 logits [V] of what follows a sequence; a long one takes several forwards."""
        length = len(sequence.ids)
        while length - sequence.cached > PIECE:
            self._run(self.model, [Turn(sequence, max(1, sequence.cached + PIECE))])
        return self._run(self.model, [Turn(sequence, length)])[0][-1]

    def on_device(self, work: Callable[[], T]) -> T:
        """Runs what computes with logits: on a CPU here, else where the device's thread is."""
        if self.model.device.type == "cpu":
            with torch.inference_mode():
                return work()
        return self._submit(work)  # type: ignore[no-any-return]

    def check(self, ids: Sequence[int], sampling: Sampling, top: int, written: int = 0) -> None:
        """Raises InputError naming what this model cannot begin with."""
        size, context = self.model.spec.vocab_size, self.model.context
        if not 1 <= len(ids) <= context:
            raise InputError(
                f"The text has {len(ids)} tokens; 1 to {context} are possible.", "prompt"
            )
        if not all(0 <= token < size for token in ids):
            raise InputError(f"Token ids must be 0 to {size - 1}.", "token_ids")
        if not 0 <= top <= size:
            raise InputError(f"top must be 0 to {size}, not {top}.", "top")
        if not 0 <= written < len(ids) + 1:
            raise InputError(f"written must be 0 to {len(ids)}, not {written}.", "written")
        sampling.check(size)


class _Answer:
    """The text side of one generation: what has been told, and when it ends."""

    def __init__(self, engine: CausalEngine, sampling: Sampling, written: Sequence[int]) -> None:
        self._engine, self._sampling = engine, sampling
        self._text = TextStream(engine.model.tokenizer)
        self._stops = StopTexts(sampling.stop)
        self._grammar = prefix_filter(engine.model, sampling, written)
        for token in written:
            self._stops.push(self._text.push(token))

    def next(self, sequence: CachedSequence, top: int, left: int, end: bool) -> TokenResult:
        """Draws the next of `left` tokens, appends it to the sequence and tells what it adds."""
        fits = self._grammar.possible(left) if self._grammar else None
        logits = self._engine.logits(sequence)
        ids, position = sequence.ids, len(sequence.ids)
        token, logprob, best = self._engine.on_device(
            lambda: _drawn(logits, self._sampling, ids, top, fits)
        )
        ids.append(token)
        ended = self._ends(token, end)
        silent = end and token in self._engine.stop_ids
        text, stopped = self._stops.push("" if silent else self._text.push(token))
        finish: Finish | None = "stop" if ended or stopped else "length" if left == 1 else None
        if finish is not None and not stopped:
            rest, stopped = self._stops.push(self._text.flush())
            text += rest + self._stops.flush()
        return TokenResult(position, token, text, logprob, best, finish)

    def _ends(self, token: int, end: bool) -> bool:
        """Whether this token is the answer's last, whatever may follow."""
        if self._grammar is not None:
            self._grammar.push(token)
            if self._grammar.is_complete:
                return True
        return end and token in self._engine.stop_ids


def prefix_filter(
    model: LoadedModel, sampling: Sampling, written: Sequence[int]
) -> PrefixFilter | None:
    """The filter of the answer's grammar behind what is written of it, if it has one."""
    if sampling.grammar is None:
        return None
    return PrefixFilter(automaton_for(model, sampling.grammar), written, sampling.grammar.field)


def _drawn(
    logits: Tensor,
    sampling: Sampling,
    ids: Sequence[int],
    top: int,
    fits: NDArray[np.bool_] | None = None,
) -> tuple[int, float, Top]:
    """`fits` [V]: the tokens that a grammar lets through; probabilities are those without it."""
    if fits is None:
        token = choose(logits, sampling, ids)
    else:
        barred = torch.from_numpy(~fits).to(logits.device)
        token = choose(logits.masked_fill(barred, -torch.inf), sampling, ids)
    total = logits.logsumexp(-1)
    return token, float(logits[token] - total), best_of(logits, total, top)
