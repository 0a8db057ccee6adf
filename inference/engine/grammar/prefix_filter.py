"""What may follow a text that grows at its end, so that the whole can match a grammar."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inference.engine.errors import InputError
from inference.engine.grammar.automaton import TokenAutomaton

NEVER = np.iinfo(np.int32).max


class PrefixFilter:
    """Where the automaton stands after the tokens that were written."""

    def __init__(self, automaton: TokenAutomaton, written: Sequence[int], field: str) -> None:
        """`field` names the parameter that holds the grammar."""
        self.automaton, self.field = automaton, field
        self._needs = distances(automaton)
        self._state = 0
        for token in written:
            self.push(token)

    def push(self, token: int) -> None:
        """A token has been written."""
        self._state = int(self.automaton.moves[self._state, self.automaton.classes[token]])

    def possible(self, left: int) -> NDArray[np.bool_]:
        """Tokens [V] behind which `left` - 1 further ones can complete a match.

        Raises InputError if there is none.
        """
        after = self.automaton.moves[self._state]
        found = self._needs[after] <= left - 1
        if not found.any():
            said = f"An answer of {left} more tokens cannot match. Give more tokens, or a pattern"
            raise InputError(f"{said} that what is written can match.", self.field)
        return np.asarray(found[self.automaton.classes])

    @property
    def is_complete(self) -> bool:
        """Whether the text matches and nothing can be written behind it, not even an end."""
        goes_on = self._needs[self.automaton.moves[self._state]] < NEVER
        return bool(self.automaton.accepting[self._state] and not goes_on.any())


def distances(automaton: TokenAutomaton) -> NDArray[np.int32]:
    """For each state the fewest tokens [S + 2] that lead to an end; NEVER where none do."""
    found = np.where(automaton.accepting, 0, NEVER).astype(np.int32)
    reached, count = automaton.accepting, 0
    while True:
        count += 1
        reached = automaton.before_any(reached)
        fresh = reached & (found == NEVER)
        if not fresh.any():
            return found
        found[fresh] = count
        reached = fresh
