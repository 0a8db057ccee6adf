"""Conversations that a causal model writes by itself, many rows in one forward.

The parent is given the beginning of a user's turn and writes the question, then the answer (after
Magpie, arXiv 2406.08464). With each token of an answer the probabilities of its candidates are
kept: they are a better target than the token that was drawn. A row of the KV cache grows by one
token a forward, given or drawn, and starts over as soon as its text has ended, so that no forward
waits for the longest answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from inference.engine.causal.masks import masks
from inference.engine.causal.slots import Slots
from inference.engine.checkpoint import LoadedModel
from inference.engine.errors import InputError
from inference.engine.training.adaptation.documents import (
    CANDIDATES,
    FEWEST,
    Document,
    barred_ids,
    fluent,
    turn_parts,
)

QUESTION, ANSWER = 40, 96
"""Tokens at most."""
WIDE = 40
"""Candidates of a question's token, which is drawn at temperature 1."""
OPENINGS = (
    "", "", "", "", "", "", "", "", "What is", "What are", "Who was", "Who wrote", "Where is",
    "Why do", "Why is", "How do", "How does", "When did", "Which", "Can you explain", "Explain",
    "Describe", "Tell me about", "Write a short story about", "Write one sentence about", "Give me",
    "Name", "List", "Is it true that", "What is the difference between", "Define", "How many",
    "What does", "Write a poem about", "Summarize", "Rewrite this sentence:", "What color is",
    "I want to", "Please", "In which country", "What do", "Which animal", "Give an example of",
)  # fmt: skip
"""How a user's turn may begin."""


@dataclass
class Lane:
    """One text: its ids, where the answer begins (0 before), and the ids that are still given."""

    ids: list[int]
    given: list[int]
    begin: int = 0
    candidates: list[Tensor] = field(default_factory=list)
    shares: list[Tensor] = field(default_factory=list)

    def append(self, token: int, candidates: Tensor, shares: Tensor) -> None:
        """The next token: the first given one, else this, with what it was drawn from."""
        if self.given:
            self.ids.append(self.given.pop(0))
            return
        self.ids.append(token)
        if self.begin:
            self.candidates.append(candidates.int())
            self.shares.append(shares.half())

    def document(self) -> Document | None:
        """None for an answer that says nothing or repeats itself."""
        answer = self.ids[self.begin :]
        if len(answer) < FEWEST or not fluent(answer):
            return None
        return Document(
            self.ids, self.begin, torch.stack(self.candidates), torch.stack(self.shares)
        )


class Writer:
    """Writes conversations, `together` at a time; equal seeds write equal ones.

    `temperature` is that of the answers. Raises InputError for a model without a chat template,
    or whose context has no room for a turn.
    """

    def __init__(
        self, parent: LoadedModel, seed: int = 0, temperature: float = 0.7, together: int = 48
    ) -> None:
        self.parent, self.temperature = parent, temperature
        self.before, self.after = turn_parts(parent)
        self.room = min(parent.context, len(self.before) + QUESTION + len(self.after) + ANSWER)
        if len(self.before) + len(self.after) + 2 * FEWEST >= self.room:
            raise InputError("The model's context has no room for a conversation.", "from")
        self.ends = frozenset(parent.spec.end_ids)
        self.barred = torch.tensor(barred_ids(parent), device=parent.device, dtype=torch.long)
        self.generator = torch.Generator().manual_seed(seed)
        self.lanes = [Lane(self.before[:1], [*self.before[1:], *self._opening()])
                      for _ in range(together)]  # fmt: skip
        self._slots = _filled_slots(parent, together, self.room)

    def documents(self) -> Iterator[Document]:
        """Without end."""
        while True:
            drawn, candidates, shares = self._draw(self._logits())
            for number, lane in enumerate(self.lanes):
                lane.append(drawn[number], candidates[number], shares[number])
                found = self._turn(number, lane)
                if found is not None:
                    yield found

    def _turn(self, number: int, lane: Lane) -> Document | None:
        """Goes from question to answer, or starts a lane over; the document that has ended."""
        if lane.given:
            return None
        ended, full = lane.ids[-1] in self.ends, len(lane.ids) >= self.room
        if lane.begin and len(lane.ids) > lane.begin:
            if not (ended or full or len(lane.ids) - lane.begin >= ANSWER):
                return None
            self._restart(number)
            return lane.document()
        if not lane.begin and (ended or full or len(lane.ids) - len(self.before) >= QUESTION):
            self._ask(number, lane, ended)
        return None

    def _ask(self, number: int, lane: Lane, ended: bool) -> None:
        """The question stands; what follows it begins with the end token that was drawn."""
        words = len(lane.ids) - 1 - len(self.before)
        begin = len(lane.ids) - 1 + len(self.after)
        if not ended or words < FEWEST or begin + FEWEST > self.room:
            return self._restart(number)
        lane.ids.pop()
        lane.ids.append(self.after[0])
        lane.given, lane.begin = self.after[1:], begin
        return None

    def _restart(self, number: int) -> None:
        """The keys of what stands before every question are kept."""
        self.lanes[number] = Lane(list(self.before), self._opening())

    def _opening(self) -> list[int]:
        assert self.parent.tokenizer is not None
        number = int(torch.randint(len(OPENINGS), (1,), generator=self.generator))
        return self.parent.tokenizer.encode(OPENINGS[number])

    @torch.inference_mode()
    def _logits(self) -> Tensor:
        """[lanes, V] after the last token of each."""
        device, window, model = self.parent.device, self._slots.window, self.parent.model
        places = torch.tensor([len(lane.ids) - 1 for lane in self.lanes], device=device)
        ids = torch.tensor([lane.ids[-1] for lane in self.lanes], device=device)
        window.columns, window.width = places, max(len(lane.ids) for lane in self.lanes)
        window.start = window.width - 1
        output: Any = model(
            input_ids=ids[:, None],
            position_ids=places[:, None],
            attention_mask=masks(self.parent, places, window.width),
            past_key_values=self._slots.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        logits: Tensor = output.logits[:, -1].float()
        return logits.index_fill(1, self.barred, -torch.inf)

    def _draw(self, logits: Tensor) -> tuple[list[int], Tensor, Tensor]:
        """Tokens, and the 16 candidates [lanes, 16] with the shares that answers draw from."""
        values, ids = (part.cpu() for part in logits.topk(min(WIDE, logits.shape[1])))
        answering = torch.tensor([[lane.begin > 0] for lane in self.lanes])
        values = values / torch.where(answering, self.temperature, 1.0)
        values[:, CANDIDATES:].masked_fill_(answering, -torch.inf)
        shares = values.softmax(1)
        drawn = torch.multinomial(shares, 1, generator=self.generator)
        tokens: list[int] = ids.gather(1, drawn)[:, 0].tolist()
        return tokens, ids[:, :CANDIDATES], shares[:, :CANDIDATES]


def _filled_slots(parent: LoadedModel, count: int, room: int) -> Slots:
    """A cache whose rows are all in use."""
    config: Any = parent.model.config
    slots = Slots(config.num_hidden_layers, count)
    slots.window.first, slots.window.last = 0, count
    slots.reserve(count - 1, room)
    return slots


Keep = Callable[[Sequence[Document]], None]


def collect(
    writer: Writer,
    until: Callable[[list[Document]], bool],
    known: Sequence[Document] = (),
    keep: Keep = lambda found: None,
    every: int = 200,
) -> list[Document]:
    """Documents of a writer until `until` says that they are enough; doubles are left out.

    `keep` is called with all of them after each `every` new ones.
    """
    found, seen = list(known), {tuple(one.ids) for one in known}
    if until(found):
        return found
    for document in writer.documents():
        if tuple(document.ids) not in seen:
            seen.add(tuple(document.ids))
            found.append(document)
            if len(found) % every == 0:
                keep(found)
        if until(found):
            break
    return found
