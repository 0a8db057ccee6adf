"""An automaton over the tokens of a model, from one over bytes.

Tokens that lead from every state to the same states are one class: a pattern tells few classes
apart, so that what is asked of the automaton costs by classes and not by the vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.engine.errors import InputError
from inference.engine.grammar.compiler import ByteAutomaton

CELLS = 64 * 2**20
"""States times tokens that are tabulated at most."""
STATES = 4000


@dataclass(frozen=True, slots=True)
class TokenAutomaton:
    """`moves` [S + 2, C]: the next state for each class of tokens; `classes` [V]: a token's class.

    State 0 is the first, S the one after the text's end, S + 1 the one from which nothing matches.
    `accepting` [S + 2]: whether the last place may leave the automaton there. `steps` [S + 2,
    S + 2]: whether some one token leads from a state to another.
    """

    moves: NDArray[np.int16]
    classes: NDArray[np.int32]
    accepting: NDArray[np.bool_]
    steps: NDArray[np.bool_]

    @property
    def start(self) -> NDArray[np.bool_]:
        """The set that holds the first state alone, [S + 2]."""
        found = np.zeros(len(self.accepting), dtype=np.bool_)
        found[0] = True
        return found

    def after(self, states: NDArray[np.bool_], token: int) -> NDArray[np.bool_]:
        """States [S + 2] in which a token leaves any of some states."""
        found = np.zeros_like(states)
        found[self.moves[states, self.classes[token]]] = True
        found[-1] = False
        return found

    def before(self, states: NDArray[np.bool_], token: int) -> NDArray[np.bool_]:
        """States [S + 2] from which a token leads into any of some states."""
        return states[self.moves[:, self.classes[token]]]

    def after_any(self, states: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """States [S + 2] in which some token leaves any of some states."""
        return np.asarray(self.steps[states].any(axis=0))

    def before_any(self, states: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """States [S + 2] from which some token leads into any of some states."""
        return np.asarray(self.steps[:, states].any(axis=1))

    def between(self, left: NDArray[np.bool_], right: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Tokens [V] that lead from any state of `left` into any of `right`."""
        return np.asarray(right[self.moves[left]].any(axis=0))[self.classes]


def token_automaton(
    base: ByteAutomaton, tokens: Sequence[bytes], ends: Sequence[int], field: str
) -> TokenAutomaton:
    """The automaton over a vocabulary: `tokens` [V] as bytes, empty for those that write no text.

    `ends` are the tokens that end the text; behind one nothing but such tokens may stand. Raises
    InputError for a pattern that is too large for the vocabulary.
    """
    states = len(base.moves)
    most = min(STATES, CELLS // max(1, len(tokens)))
    if states > most:
        said = f"The pattern needs {states} states; {most} are possible with this model's tokens."
        raise InputError(said, field)
    end, dead = states, states + 1
    table = np.full((states + 2, len(tokens)), dead, dtype=np.int16)
    _follow(base, tokens, table, dead)
    for token in ends:
        table[:, token] = dead
        table[:states, token][base.accepting] = end
        table[end, token] = end
    moves, classes = _by_class(table)
    accepting = np.append(base.accepting, [True, False])
    return TokenAutomaton(moves, classes, accepting, _steps(moves, dead))


def _follow(
    base: ByteAutomaton, tokens: Sequence[bytes], table: NDArray[np.int16], dead: int
) -> None:
    """Fill in where each token leads from each state, byte by byte, longest tokens last."""
    moves = np.vstack([np.where(base.moves < 0, dead - 1, base.moves), np.full((1, 256), dead - 1)])
    order = np.argsort([-len(token) for token in tokens], kind="stable")
    order = order[: sum(len(token) > 0 for token in tokens)]
    lengths = np.array([len(tokens[i]) for i in order])
    now = np.repeat(np.arange(dead - 1, dtype=np.int16)[:, None], len(order), axis=1)
    for at in range(int(lengths[0]) if len(order) else 0):
        count = int((lengths > at).sum())
        column = np.array([tokens[i][at] for i in order[:count]])
        now[:, :count] = moves[now[:, :count], column]
    table[: dead - 1, order] = np.where(now == dead - 1, dead, now)


def _by_class(table: NDArray[np.int16]) -> tuple[NDArray[np.int16], NDArray[np.int32]]:
    columns = np.ascontiguousarray(table.T)
    seen: dict[bytes, int] = {}
    classes = np.array([seen.setdefault(row.tobytes(), len(seen)) for row in columns], np.int32)
    first = np.unique(classes, return_index=True)[1]
    return np.ascontiguousarray(table[:, first]), classes


def _steps(moves: NDArray[np.int16], dead: int) -> NDArray[np.bool_]:
    steps = np.zeros((len(moves), len(moves)), dtype=np.bool_)
    steps[np.arange(len(moves))[:, None], moves] = True
    steps[:, dead] = False
    return steps
