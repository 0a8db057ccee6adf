"""What is trained on: conversations that the parent writes itself, or a corpus of plain text.

The parent is given the beginning of a user's turn and writes the question, then the answer (after
Magpie, arXiv 2406.08464). With each token of an answer the probabilities of its candidates are
kept: they are a better target than the token that was drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from inference.engine.causal.engine import CausalEngine
from inference.engine.causal.pool import CachedSequence, Turn
from inference.engine.causal.steps import step
from inference.engine.chat_template import render
from inference.engine.checkpoint import LoadedModel
from inference.engine.errors import InputError

CANDIDATES = 16
QUESTION, ANSWER = 40, 96
"""Tokens at most."""
FEWEST = 3
OPENINGS = (
    "", "", "", "", "What is", "Who was", "Where is", "Why do", "How do", "When did", "Explain",
    "Describe", "Tell me about", "Write a short story about", "Write one sentence about", "Name",
    "Give me", "What is the difference between", "How many", "Write a poem about",
)  # fmt: skip
PLACEHOLDER = "\ue000"


@dataclass(frozen=True)
class Document:
    """Token ids; from `begin` on they are to be predicted.

    `candidates` [n, 16] and `shares` [n, 16] belong to the tokens from `begin` on; a corpus has
    none (n = 0).
    """

    ids: list[int]
    begin: int
    candidates: Tensor
    shares: Tensor


def turn_parts(parent: LoadedModel) -> tuple[list[int], list[int]]:
    """Ids before the user's words and after them, up to where the assistant writes.

    Raises InputError for a model without a chat template.
    """
    if parent.chat_template is None or parent.tokenizer is None:
        raise InputError("This model has no chat template; give it a corpus.", "corpus")
    text = render(parent.chat_template, [{"role": "user", "content": PLACEHOLDER}], True, {})
    before, found, after = text.partition(PLACEHOLDER)
    if not found:
        raise InputError("The chat template leaves the user's words out.", "from")
    return parent.tokenizer.encode(before, True), parent.tokenizer.encode(after, True)


def barred_ids(parent: LoadedModel) -> list[int]:
    """Special tokens that no answer holds: all but those that end one."""
    assert parent.tokenizer is not None
    ends = set(parent.spec.end_ids)
    return sorted(t for t in parent.tokenizer.special - ends if t < parent.spec.vocab_size)


class Writer:
    """Conversations by the parent, several at a time.

    `temperature` and `best` are those of the answers; questions are drawn at 1 from the 40 best.
    """

    def __init__(
        self, parent: LoadedModel, seed: int = 0, temperature: float = 0.7, together: int = 8
    ) -> None:
        self.parent, self.temperature, self.together = parent, temperature, together
        self.before, self.after = turn_parts(parent)
        self.engine = CausalEngine(parent)
        self.barred = torch.tensor(barred_ids(parent), device=parent.device, dtype=torch.long)
        self.generator = torch.Generator().manual_seed(seed)

    def documents(self) -> Iterator[Document]:
        """Without end; such that repeat themselves or say nothing are left out."""
        while True:
            openings = [self._opening() for _ in range(self.together)]
            questions = [row.question() for row in self._written(openings, None, QUESTION)]
            asked = [[*ids, *self.after] for ids in questions if ids is not None]
            answers = [row.document() for row in self._written(asked, self.temperature, ANSWER)]
            yield from (answer for answer in answers if answer is not None)

    def _opening(self) -> list[int]:
        assert self.parent.tokenizer is not None
        number = int(torch.randint(len(OPENINGS), (1,), generator=self.generator))
        return [*self.before, *self.parent.tokenizer.encode(OPENINGS[number])]

    def _written(
        self, prompts: list[list[int]], temperature: float | None, most: int
    ) -> list[_Row]:
        """Each prompt continued until its end, by `most` tokens at most."""
        rows = [_Row(self.engine.pool.open(ids), len(ids)) for ids in prompts]
        try:
            for _ in range(most):
                going = [row for row in rows if not row.ended]
                turns = [Turn(row.sequence, len(row.sequence.ids)) for row in going]
                found = step(self.parent, turns) if turns else []
                for row, logits in zip(going, found, strict=True):
                    self._draw(row, logits[-1], temperature)
        finally:
            for row in rows:
                row.sequence.close()
        return rows

    def _draw(self, row: _Row, logits: Tensor, temperature: float | None) -> None:
        logits = logits.index_fill(0, self.barred, -torch.inf)
        values, ids = logits.topk(40 if temperature is None else CANDIDATES)
        shares = (values / (temperature or 1.0)).softmax(-1).cpu()
        drawn = int(torch.multinomial(shares, 1, generator=self.generator))
        token = int(ids[drawn])
        row.ended = token in self.engine.stop_ids
        full = len(row.sequence.ids) + 1 >= self.parent.context
        row.ended, row.cut = row.ended or full, full and not row.ended
        row.sequence.ids.append(token)
        if temperature is not None:
            row.candidates.append(ids.cpu().int())
            row.shares.append(shares.half())


class _Row:
    """One text that is being written."""

    def __init__(self, sequence: CachedSequence, begin: int) -> None:
        self.sequence, self.begin = sequence, begin
        self.ended = self.cut = False
        self.candidates: list[Tensor] = []
        self.shares: list[Tensor] = []

    def question(self) -> list[int] | None:
        """Ids up to the end token, which what follows a question repeats; None without an end."""
        ids = self.sequence.ids[:-1]
        return ids if self.ended and not self.cut and len(ids) - self.begin >= FEWEST else None

    def document(self) -> Document | None:
        ids = self.sequence.ids
        answer = ids[self.begin :]
        if len(answer) < FEWEST or not fluent(answer):
            return None
        return Document(ids, self.begin, torch.stack(self.candidates), torch.stack(self.shares))


def fluent(ids: Sequence[int]) -> bool:
    """Whether few triples of tokens come again."""
    triples = [tuple(ids[i : i + 3]) for i in range(len(ids) - 2)]
    return not triples or len(set(triples)) >= 0.75 * len(triples)


def corpus_documents(parent: LoadedModel, file: Path, length: int) -> list[Document]:
    """A text file as documents of `length` tokens, split at blank lines. Raises InputError."""
    if parent.tokenizer is None:
        raise InputError("This model reads no text.", "corpus")
    try:
        paragraphs = file.read_text(encoding="utf-8").split("\n\n")
    except (OSError, ValueError):
        raise InputError(f"{file.name} is not readable text.", "corpus") from None
    none = torch.zeros(0, CANDIDATES)
    found = []
    for paragraph in paragraphs:
        ids = parent.tokenizer.encode(paragraph.strip())
        parts = [ids[i : i + length] for i in range(0, len(ids), length)]
        found += [
            Document(part, 1, none.int(), none.half()) for part in parts if len(part) > FEWEST
        ]
    if not found:
        raise InputError(f"{file.name} holds no text.", "corpus")
    return found


def collect(
    writer: Writer, until: Callable[[list[Document]], bool], known: Sequence[Document] = ()
) -> list[Document]:
    """Documents of a writer until `until` says that they are enough; doubles are left out."""
    found, seen = list(known), {tuple(one.ids) for one in known}
    for document in writer.documents():
        if tuple(document.ids) not in seen:
            seen.add(tuple(document.ids))
            found.append(document)
        if until(found):
            return found
    return found


def save_documents(documents: Sequence[Document], file: Path) -> None:
    """One safetensors file; read by `load_documents`."""
    sizes = [[len(one.ids), one.begin, len(one.candidates)] for one in documents]
    save_file(
        {
            "sizes": torch.tensor(sizes),
            "ids": torch.tensor([token for one in documents for token in one.ids]),
            "candidates": torch.cat([one.candidates for one in documents]).int(),
            "shares": torch.cat([one.shares for one in documents]).half(),
        },
        file,
    )


def load_documents(file: Path) -> list[Document]:
    """The documents of a file, in their order."""
    stored = load_file(file)
    lengths, begins, counts = stored["sizes"].T.tolist()
    parts = (
        stored["ids"].split(lengths),
        stored["candidates"].split(counts),
        stored["shares"].split(counts),
    )
    return [
        Document(ids.tolist(), begin, candidates, shares)
        for ids, begin, candidates, shares in zip(parts[0], begins, *parts[1:], strict=True)
    ]
