"""The sequences of one model: who has a slot, what of it is kept, and for whom there is room."""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from inference.engine.causal.prefixes import PrefixStore
from inference.engine.causal.slots import Slots
from inference.engine.checkpoint import LoadedModel
from inference.engine.errors import EngineError

SLOTS = 16


@dataclass(eq=False)
class CachedSequence:
    """Token ids of one request; the first `cached` have keys and values in slot `slot`."""

    pool: Any
    ids: list[int]
    slot: int | None = None
    cached: int = 0
    turn: int = 0
    fresh: bool = True

    def close(self) -> None:
        """Gives the slot back; what was computed is kept for those who begin alike."""
        self.pool.close(self)


@dataclass(frozen=True)
class Turn:
    """A wish for the logits after the first `upto` tokens, and after the `rows - 1` before them.

    `ids` are the tokens still to be computed, whose number decides who shares a forward.
    """

    sequence: CachedSequence
    upto: int
    rows: int = 1

    @property
    def ids(self) -> list[int]:
        return self.sequence.ids[min(self.sequence.cached, self.upto - 1) : self.upto]


class SequencePool:
    """The slots of one model, and the store in which it keeps finished sequences.

    `limit`: bytes that the buffers may take while more than one sequence is being written. What
    begins with an underscore is for whoever holds `lock`.
    """

    def __init__(
        self, model: LoadedModel, store: PrefixStore, limit: int, slots: int = SLOTS
    ) -> None:
        self.model, self.store, self.limit = model, store, limit
        config: Any = model.model.config
        self.slots = Slots(config.num_hidden_layers, slots)
        self.lock, self._guard = threading.Lock(), threading.Lock()
        self._closed: deque[CachedSequence] = deque()
        self._device = model.device
        self._turn = 0
        self._open: weakref.WeakSet[CachedSequence] = weakref.WeakSet()

    def open(self, ids: Sequence[int], reuse: bool = True) -> CachedSequence:
        """A sequence that begins with `ids`; without `reuse` nothing kept is taken for it."""
        sequence = CachedSequence(self, list(ids), fresh=reuse)
        with self._guard:
            self._open.add(sequence)
        return sequence

    def close(self, sequence: CachedSequence) -> None:
        """Never waits: while a step is being computed, the next one puts the sequence away."""
        self._closed.append(sequence)
        if self.lock.acquire(blocking=False):
            try:
                self._clear_up()
            finally:
                self.lock.release()

    def _sequences(self) -> list[CachedSequence]:
        """Those that have a slot."""
        with self._guard:
            return [one for one in self._open if one.slot is not None]

    def _clear_up(self) -> None:
        """Puts closed sequences away; slots of those that nobody holds any more are freed."""
        while self._closed:
            sequence = self._closed.popleft()
            self._put_away(sequence)
            with self._guard:
                self._open.discard(sequence)
        for slot in self.slots.used - {one.slot for one in self._sequences()}:
            self.slots.release(slot)

    def _follow(self) -> None:
        """After a model has moved to another device all keys and values are computed anew."""
        if self._device != self.model.device:
            self._device = self.model.device
            self.store.drop(self.model.key)
            self._reset()

    def _reset(self) -> None:
        for sequence in self._sequences():
            self._forget(sequence)

    def _forget(self, sequence: CachedSequence) -> None:
        if sequence.slot is not None:
            self.slots.release(sequence.slot)
        sequence.slot, sequence.cached = None, 0

    def _put_away(self, sequence: CachedSequence) -> None:
        """Keeps what a slot holds in the store, and frees the slot."""
        ids = sequence.ids[: sequence.cached]
        if sequence.slot is not None and ids and not self.store.covers(self.model.key, ids):
            self.store.put(self.model.key, ids, self.slots.read(sequence.slot, len(ids)))
        self._forget(sequence)

    def _place(self, turn: Turn, turns: Sequence[Turn]) -> None:
        """A slot with room for the turn's sequence, filled with what is known of its beginning."""
        sequence = turn.sequence
        sequence.turn = self._turn
        if sequence.slot is None:
            sequence.slot = self._free_slot(turns)
            self._recall(sequence)
        sequence.cached = min(sequence.cached, turn.upto - 1)
        self.slots.reserve(sequence.slot, turn.upto)

    def _free_slot(self, turns: Sequence[Turn]) -> int:
        """A free slot, or that of the sequence which has waited longest for its turn."""
        slot = self.slots.take()
        if slot is None:
            busy = {id(turn.sequence) for turn in turns}
            idle = [one for one in self._sequences() if id(one) not in busy]
            if not idle:
                raise EngineError("More sequences are being written at once than there are slots.")
            self._put_away(min(idle, key=lambda one: one.turn))
            slot = self.slots.take()
        assert slot is not None
        return slot

    def _compact(self, turns: Sequence[Turn]) -> None:
        """Nothing but these turns in the buffers, in as few and as short slots as they need."""
        busy = {id(turn.sequence): turn for turn in turns}
        for sequence in self._sequences():
            if id(sequence) not in busy:
                self._put_away(sequence)
        held = [
            (turn, turn.sequence.cached, self.slots.read(slot_of(turn), turn.sequence.cached))
            for turn in busy.values()
        ]
        for turn, *_ in held:
            self._forget(turn.sequence)
        for turn, cached, parts in held:
            slot = turn.sequence.slot = self.slots.take()
            assert slot is not None
            if cached:
                self.slots.write(slot, parts, cached)
            turn.sequence.cached = cached
            self.slots.reserve(slot, turn.upto)

    def _recall(self, sequence: CachedSequence) -> None:
        """Copies the longest known beginning, from the store or from another slot."""
        if not sequence.fresh:
            return
        assert sequence.slot is not None
        found = self.store.find(self.model.key, sequence.ids)
        if found is not None:
            self.slots.write(sequence.slot, found.parts, found.length)
            sequence.cached = found.length


def slot_of(turn: Turn) -> int:
    """The slot of a turn that has been placed."""
    assert turn.sequence.slot is not None
    return turn.sequence.slot
