"""How many sockets an account has open in this process."""

from __future__ import annotations

import threading
from collections import Counter

from django.conf import settings

TOO_MANY = 4429
"""Close code for one socket too many."""


class Seats:
    """Counts; every `take` that answered true needs one `leave`."""

    def __init__(self) -> None:
        self._taken: Counter[int | str] = Counter()
        self._guard = threading.Lock()

    def take(self, user_id: int | str) -> bool:
        """False when the account, or the name, has SOCKETS_PER_USER sockets open already."""
        with self._guard:
            if self._taken[user_id] >= settings.SOCKETS_PER_USER:
                return False
            self._taken[user_id] += 1
            return True

    def leave(self, user_id: int | str) -> None:
        with self._guard:
            self._taken[user_id] -= 1
            if self._taken[user_id] <= 0:
                del self._taken[user_id]

    @property
    def open(self) -> int:
        return self._taken.total()


SEATS = Seats()
