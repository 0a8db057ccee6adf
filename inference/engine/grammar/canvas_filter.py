"""What may stand in the places of a canvas with gaps, so that the whole can match a grammar.

From the left: the states in which some filling of the gaps before a place leaves the automaton.
From the right: those from which some filling of what follows reaches an end. A token is possible
where it leads from one of the former to one of the latter, so none is refused that some filling of
all other gaps completes, and none let through that no filling does (regular languages; the same
two passes as DINGO's dynamic programme, arXiv 2505.23061, over sets instead of best scores).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inference.engine.canvas import Canvas, Operation
from inference.engine.errors import InputError
from inference.engine.grammar.automaton import TokenAutomaton

KEPT = 256
States = NDArray[np.bool_]


class CanvasFilter:
    """A grammar over the answer: everything from the first place that is not the prompt's to the
    last one, without the places that will be cut. Text of the prompt between gaps belongs to it.
    """

    def __init__(self, automaton: TokenAutomaton, field: str) -> None:
        """`field` names the parameter that holds the grammar."""
        self.automaton, self.field = automaton, field
        self._kept: OrderedDict[tuple[bytes, bytes], States] = OrderedDict()

    def possible(self, canvas: Canvas, positions: Sequence[int]) -> NDArray[np.bool_]:
        """Tokens [n, V] that n positions may have, each for itself, all masks being open.

        Places outside the answer may have any. A written place is judged as if it were open. Raises
        InputError if no filling of the masks matches.
        """
        first, last = answer_of(canvas)
        left, right = self._left(canvas, first, last), self._right(canvas, first, last)
        if last > first and not (left[-1] & self.automaton.accepting).any():
            said = "No filling of the masks can match. Give more or fewer masks, or another pattern"
            raise InputError(f"{said}.", self.field)
        found = np.ones((len(positions), len(self.automaton.classes)), dtype=np.bool_)
        for row, position in enumerate(positions):
            if first <= position < last:
                found[row] = self._between(left[position - first], right[position + 1 - first])
        return found

    def kept(self, canvas: Canvas, operations: Sequence[Operation]) -> list[Operation]:
        """The operations without those that write what no filling of the rest can complete.

        Each is possible for itself; together they may not be. The surest are tried first.
        """
        order = sorted(range(len(operations)), key=lambda i: -_surety(operations[i]))
        chosen: set[int] = set()
        for i in order:
            if _token(operations[i]) is None or self._fits(canvas, operations[i]):
                canvas = canvas.apply([operations[i]])
                chosen.add(i)
        return [operations[i] for i in sorted(chosen)]

    def _fits(self, canvas: Canvas, operation: Operation) -> bool:
        first, last = answer_of(canvas)
        position, token = canvas.position_of[operation["slot"]], _token(operation)
        if not first <= position < last:
            return True
        left = self._left(canvas, first, position)[-1]
        right = self._right(canvas, position + 1, last)[0]
        return bool((self.automaton.after(left, int(token or 0)) & right).any())

    def _left(self, canvas: Canvas, first: int, last: int) -> list[States]:
        """States before each place from `first` on, and behind the last one; from the start."""
        states = [self.automaton.start]
        begin = answer_of(canvas)[0]
        for token in canvas.tokens[begin:last]:
            masked = token == canvas.mask_id
            step = self.automaton.after_any if masked else None
            states.append(step(states[-1]) if step else self.automaton.after(states[-1], token))
        return states[first - begin :]

    def _right(self, canvas: Canvas, first: int, last: int) -> list[States]:
        """States before each place from `first` on from which the rest can be completed."""
        states = [self.automaton.accepting]
        for token in reversed(canvas.tokens[first:last]):
            masked = token == canvas.mask_id
            step = self.automaton.before_any if masked else None
            states.append(step(states[-1]) if step else self.automaton.before(states[-1], token))
        return states[::-1]

    def _between(self, left: States, right: States) -> States:
        key = left.tobytes(), right.tobytes()
        if key not in self._kept:
            self._kept[key] = self.automaton.between(left, right)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]


def answer_of(canvas: Canvas) -> tuple[int, int]:
    """First and last + 1 position of the answer; equal if the canvas has none."""
    own = [i for i in canvas.places if not canvas.slots[i].surplus]
    return (own[0], own[-1] + 1) if own else (0, 0)


def writes(operation: Operation) -> bool:
    """Whether an operation puts a token somewhere."""
    return operation["op"] in WRITING


def _token(operation: Operation) -> int | None:
    """The token that an operation writes, if it writes one."""
    found: int | None = operation.get("token") if writes(operation) else None
    return found


def _surety(operation: Operation) -> float:
    """Operations that write nothing come first: what they open makes room."""
    return 2.0 if _token(operation) is None else float(operation.get("p") or 0.0)


WRITING = frozenset({"commit", "edit"})
