"""The texts that a writer has in hand, as tensors: one row each, all advanced by one token a step.

Everything stays on the model's device; one small transfer a step says whose text has ended.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from inference.engine.training.adaptation.documents import CANDIDATES, FEWEST, Document

QUESTION, ANSWER = 40, 96
"""Tokens at most."""


class Lanes:
    """`count` texts of at most `room` tokens.

    `ids` [count, room + 1]; `length` [count]; up to `given` [count] the tokens are not drawn;
    `begin` [count]: where the answer begins, 0 while the question is written. `candidates`,
    `shares` [count, 96, 16] belong to the tokens of the answer.
    """

    def __init__(
        self,
        count: int,
        room: int,
        before: Sequence[int],
        after: Sequence[int],
        device: torch.device,
    ) -> None:
        def zeros(*shape: int, dtype: torch.dtype = torch.long) -> Tensor:
            return torch.zeros(count, *shape, dtype=dtype, device=device)

        self.room, self.device = room, device
        self.before, self.after = (torch.tensor(part, device=device) for part in (before, after))
        self.ids, self.length = zeros(room + 1), zeros() + 1
        self.given, self.begin = zeros(), zeros()
        self.warmth = zeros(dtype=torch.float32)
        self.candidates = zeros(ANSWER, CANDIDATES, dtype=torch.int32)
        self.shares = zeros(ANSWER, CANDIDATES, dtype=torch.float16)
        self._rows = torch.arange(count, device=device)

    @property
    def answering(self) -> Tensor:
        """[count]: who is past the question."""
        return self.begin > 0

    def last(self) -> Tensor:
        """The last token [count] of each text."""
        return self.ids[self._rows, self.length - 1]

    def append(self, drawn: Tensor, candidates: Tensor, shares: Tensor) -> None:
        """The next token of each: the given one, else `drawn` [count], with what it came from."""
        at = self.length
        token = torch.where(at < self.given, self.ids[self._rows, at], drawn)
        self.ids[self._rows, at] = token
        place = (at - self.begin).clamp(0, ANSWER - 1)
        own = (self.answering & (at >= self.given))[:, None]
        for kept, new in ((self.candidates, candidates), (self.shares, shares)):
            kept[self._rows, place] = torch.where(own, new.to(kept.dtype), kept[self._rows, place])
        self.length = at + 1

    def ended(self, ends: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[count] each: whose answer is over, whose question is, and whose question may stand.

        A question stands when it ended by itself and leaves room for an answer.
        """
        marked = torch.isin(self.last(), ends)
        over = marked | (self.length >= self.room)
        written = self.length - self.begin
        answered = self.answering & (written > 0) & (over | (written >= ANSWER))
        asked = ~self.answering & (self.length >= self.given)
        words = self.length - 1 - len(self.before)
        asked &= over | (words + 1 >= QUESTION)
        fits = self.length - 1 + len(self.after) + FEWEST <= self.room
        return answered, asked, asked & marked & (words >= FEWEST) & fits

    def ask(self, rows: Tensor) -> None:
        """The questions of these rows stand; what follows begins with the end that was drawn."""
        start = self.length[rows] - 1
        places = start[:, None] + torch.arange(len(self.after), device=self.device)
        self.ids[rows[:, None], places] = self.after
        self.given[rows] = self.begin[rows] = start + len(self.after)

    def restart(self, rows: Tensor, openings: Tensor, lengths: Tensor, warmth: Tensor) -> None:
        """New texts: `openings` [n, w] of these `lengths` [n] follow what stands before them.

        The keys of what stands before every question are kept.
        """
        start = len(self.before)
        width = min(openings.shape[1], self.ids.shape[1] - start)
        self.ids[rows, :start] = self.before
        self.ids[rows, start : start + width] = openings[:, :width]
        self.length[rows] = torch.where(self.length[rows] > start, start, 1)
        self.given[rows] = start + lengths
        self.begin[rows], self.warmth[rows] = 0, warmth

    def documents(self, rows: Tensor) -> list[Document]:
        """What these rows hold, on the CPU."""
        ids, length, begin, candidates, shares = (
            part[rows].cpu()
            for part in (self.ids, self.length, self.begin, self.candidates, self.shares)
        )
        return [
            Document(
                ids[n, :end].tolist(), start, candidates[n, : end - start].clone(),
                shares[n, : end - start].clone(),
            )
            for n, (end, start) in enumerate(zip(length.tolist(), begin.tolist(), strict=True))
        ]  # fmt: skip
