"""Forwards of several sequences that share a KV cache: prefill in pieces, decoding together.

`step` has the form of `forward.forward_many`, so that a Batcher joins the turns of several threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from inference.engine.causal.masks import masks
from inference.engine.causal.pool import CachedSequence, SequencePool, Turn, slot_of
from inference.engine.checkpoint import LoadedModel
from inference.engine.errors import EngineError

PIECE = 256
"""Tokens of a prompt in one forward: others get their turn in between."""
PATIENCE = 5.0
"""Seconds that a step waits for another one to end, which only a stuck one makes necessary."""


class Pool(SequencePool):
    """A pool that computes; one step at a time."""

    def step(self, turns: Sequence[Turn]) -> list[Tensor]:
        """Logits [rows, V] in float32 for each turn. One token each: a single forward for all.

        Raises EngineError for logits that are not finite, and while another step does not end.
        """
        if not self.lock.acquire(timeout=PATIENCE):
            raise EngineError("This model is busy with a step that does not end. Try again later.")
        try:
            with torch.inference_mode():
                return self._step(turns)
        except BaseException:
            self._reset()  # whatever failed, memory above all: everything is computed anew
            raise
        finally:
            self.lock.release()

    def _step(self, turns: Sequence[Turn]) -> list[Tensor]:
        self._clear_up()
        self._follow()
        self._turn += 1
        for turn in turns:
            self._place(turn, turns)
        if self.slots.planned_bytes() > self.limit:
            self._compact(turns)
        short = [turn for turn in turns if len(turn.ids) == 1]
        rows = dict(zip(short, self._together(short), strict=True))
        return [rows[turn] if turn in rows else self._prefill(turn) for turn in turns]

    def _prefill(self, turn: Turn) -> Tensor:
        """One sequence alone, several tokens in one forward."""
        sequence, window = turn.sequence, self.slots.window
        assert sequence.slot is not None
        rows: list[Tensor] = []
        while sequence.cached < turn.upto:
            end = min(turn.upto, sequence.cached + PIECE)
            window.first, window.last = sequence.slot, sequence.slot + 1
            window.start, window.width, window.columns = sequence.cached, end, None
            keep = max(1, min(end - sequence.cached, turn.rows - (turn.upto - end)))
            ids = torch.tensor([sequence.ids[sequence.cached : end]], device=self._device)
            places = torch.arange(sequence.cached, end, device=self._device)[None]
            rows.append(self._forward(ids, places, None, keep)[0])
            sequence.cached = end
        return _finite(torch.cat(rows)[-turn.rows :])

    def _together(self, turns: Sequence[Turn]) -> list[Tensor]:
        """One new token for each of several sequences."""
        if len(turns) < 2:
            return [self._prefill(turn) for turn in turns]
        window, beside = self.slots.window, self._range(turns)
        count = window.last - window.first
        ids, columns = [0] * count, [0] * count
        for (
            sequence
        ) in beside:  # a row without a turn writes behind what it has, which does no harm
            columns[sequence.slot - window.first] = sequence.cached  # type: ignore[operator]
        for turn in turns:
            ids[slot_of(turn) - window.first] = turn.ids[0]
        places = torch.tensor(columns, device=self._device)
        window.columns = places
        given = torch.tensor(ids, device=self._device)[:, None]
        logits = self._forward(given, places[:, None], masks(self.model, places, window.width), 1)
        for turn in turns:
            turn.sequence.cached = turn.upto
        return [_finite(logits[slot_of(turn) - window.first]) for turn in turns]

    def _range(self, turns: Sequence[Turn]) -> list[CachedSequence]:
        """Sets the window over the slots from the first to the last turn; who has one of them."""
        window = self.slots.window
        taken = [slot_of(turn) for turn in turns]
        window.first, window.last = min(taken), max(taken) + 1
        inside = [one for one in self._sequences() if one.slot in range(window.first, window.last)]
        window.width = max(one.cached for one in inside) + 1
        window.start = window.width - 1
        for one in inside:
            self.slots.reserve(one.slot or 0, one.cached + 1)
        return inside

    def _forward(self, ids: Tensor, places: Tensor, masks: Any, keep: int) -> Tensor:
        """Logits [B, keep, V] in float32 of the last `keep` tokens."""
        output = self.model.model(
            input_ids=ids,
            position_ids=places,
            attention_mask=masks,
            past_key_values=self.slots.cache,
            use_cache=True,
            logits_to_keep=keep,
        )
        logits: Tensor = output.logits
        return logits.float()


def step(model: LoadedModel, turns: Sequence[Turn]) -> list[Tensor]:
    """Logits for each turn; all belong to the same model, and so to the same pool."""
    pool: Pool = turns[0].sequence.pool
    return pool.step(turns)


def _finite(logits: Tensor) -> Tensor:
    if not bool(torch.isfinite(logits).all()):
        raise EngineError(
            "The model's logits are not finite; its weights or precision are at fault."
        )
    return logits
