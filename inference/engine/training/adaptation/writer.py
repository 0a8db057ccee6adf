"""Conversations that a causal model writes by itself, many rows in one forward.

The parent is given the beginning of a user's turn and writes the question, then the answer (after
Magpie, arXiv 2406.08464). With each token of an answer the probabilities of its candidates are
kept: they are a better target than the token that was drawn. A row of the KV cache grows by one
token a forward, given or drawn, and starts over as soon as its text has ended, so that no forward
waits for the longest answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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
from inference.engine.training.adaptation.lanes import ANSWER, QUESTION, Lanes

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


class Writer:
    """Writes conversations, `together` at a time; equal seeds write equal ones on equal devices.

    `temperatures` are those of the answers, one drawn for each; questions have 1. Raises InputError
    for a model without a chat template, or whose context has no room for a turn.
    """

    def __init__(
        self,
        parent: LoadedModel,
        seed: int = 0,
        temperatures: Sequence[float] = (0.7,),
        together: int = 48,
    ) -> None:
        self.parent, self.device = parent, parent.device
        self.before, self.after = turn_parts(parent)
        self.room = min(parent.context, len(self.before) + QUESTION + len(self.after) + ANSWER)
        if len(self.before) + len(self.after) + 2 * FEWEST >= self.room:
            raise InputError("The model's context has no room for a conversation.", "from")
        self.barred = torch.tensor(barred_ids(parent), device=self.device, dtype=torch.long)
        self.ends = torch.tensor(parent.spec.end_ids, device=self.device)
        self.generator = torch.Generator(self.device).manual_seed(seed)
        self._warmths = torch.tensor(temperatures, device=self.device)
        self._openings, lengths = _encoded_openings(parent)
        self._lengths = lengths.clamp_max(self.room - len(self.before) - 1)
        self.lanes = Lanes(together, self.room, self.before, self.after, self.device)
        self._restart(torch.arange(together, device=self.device))
        self._slots, self._width = _filled_slots(parent, together, self.room), 1

    @torch.no_grad()
    def documents(self) -> Iterator[Document]:
        """Without end."""
        while True:
            self.lanes.append(*self._draw(self._logits()))
            answered, asked, standing = self.lanes.ended(self.ends)
            any_over, self._width = torch.stack(
                (answered.any() | asked.any(), self.lanes.length.max())
            ).tolist()
            if not any_over:
                continue
            rows = answered.nonzero()[:, 0]
            found = self.lanes.documents(rows)
            self.lanes.ask(standing.nonzero()[:, 0])
            self._restart((answered | (asked & ~standing)).nonzero()[:, 0])
            yield from (one for one in found if _worth_keeping(one))

    def _restart(self, rows: Tensor) -> None:
        chosen, warmths = (
            torch.randint(len(table), (len(rows),), generator=self.generator, device=self.device)
            for table in (self._openings, self._warmths)
        )
        self.lanes.restart(
            rows, self._openings[chosen], self._lengths[chosen], self._warmths[warmths]
        )

    def _logits(self) -> Tensor:
        """[lanes, V] after the last token of each."""
        window, places = self._slots.window, self.lanes.length - 1
        window.columns, window.width, window.start = places, self._width, self._width - 1
        output: Any = self.parent.model(
            input_ids=self.lanes.last()[:, None],
            position_ids=places[:, None],
            attention_mask=masks(self.parent, places, self._width),
            past_key_values=self._slots.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        logits: Tensor = output.logits[:, -1].float()
        return logits.index_fill_(1, self.barred, -torch.inf)

    def _draw(self, logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Tokens, and the 16 candidates [lanes, 16] with the shares that answers draw from."""
        values, ids = logits.topk(min(WIDE, logits.shape[1]))
        answering = self.lanes.answering[:, None]
        values = values / torch.where(answering, self.lanes.warmth[:, None], 1.0)
        values[:, CANDIDATES:].masked_fill_(answering, -torch.inf)
        shares = values.softmax(1)
        waits = torch.empty_like(shares).exponential_(generator=self.generator)
        drawn = ids.gather(1, (shares / waits).argmax(1, keepdim=True))[:, 0]
        return drawn, ids[:, :CANDIDATES], shares[:, :CANDIDATES]


def _worth_keeping(document: Document) -> bool:
    """Not for an answer that says nothing or repeats itself."""
    answer = document.ids[document.begin :]
    return len(answer) >= FEWEST and fluent(answer)


def _encoded_openings(parent: LoadedModel) -> tuple[Tensor, Tensor]:
    """Ids [n, longest] of all openings, padded, and their lengths [n]."""
    assert parent.tokenizer is not None
    coded = [torch.tensor(parent.tokenizer.encode(text), dtype=torch.long) for text in OPENINGS]
    padded = torch.nn.utils.rnn.pad_sequence(coded, batch_first=True)
    lengths = torch.tensor([len(ids) for ids in coded])
    return padded.to(parent.device), lengths.to(parent.device)


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

    `keep` is called with all of them when `every` are new, and a quarter of those it had.
    """
    found, seen = list(known), {tuple(one.ids) for one in known}
    following = len(found) + every
    if until(found):
        return found
    for document in writer.documents():
        if tuple(document.ids) not in seen:
            seen.add(tuple(document.ids))
            found.append(document)
            if len(found) >= following:
                keep(found)
                following = len(found) + max(every, len(found) // 4)
        if until(found):
            break
    return found
