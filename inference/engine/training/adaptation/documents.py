"""What is trained on: documents, those of a text file, and the file in which they are kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from inference.engine.chat_template import render
from inference.engine.checkpoint import LoadedModel
from inference.engine.errors import InputError

CANDIDATES = 16
FEWEST = 3
MOST_CORPUS = 128 * 2**20
STRETCH = 2**16
"""Characters of a text that are encoded at once."""
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


def fluent(ids: Sequence[int]) -> bool:
    """Whether few triples of tokens come again."""
    triples = [tuple(ids[i : i + 3]) for i in range(len(ids) - 2)]
    return not triples or len(set(triples)) >= 0.75 * len(triples)


def corpus_documents(parent: LoadedModel, file: Path, length: int) -> list[Document]:
    """A text file as documents of `length` tokens, split at blank lines. Raises InputError."""
    if parent.tokenizer is None:
        raise InputError("This model reads no text.", "corpus")
    none = torch.zeros(0, CANDIDATES)
    found = []
    for paragraph in _paragraphs(file):
        ids = parent.tokenizer.encode(paragraph.strip())
        parts = [ids[i : i + length] for i in range(0, len(ids), length)]
        found += [
            Document(part, 1, none.int(), none.half()) for part in parts if len(part) > FEWEST
        ]
    if not found:
        raise InputError(f"{file.name} holds no text.", "corpus")
    return found


def _paragraphs(file: Path) -> Iterator[str]:
    """The parts between blank lines, long ones in stretches that a tokenizer takes at once."""
    try:
        if file.stat().st_size > MOST_CORPUS:
            raise InputError(f"{file.name} is larger than {MOST_CORPUS >> 20} MiB.", "corpus")
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError):
        raise InputError(f"{file.name} is not readable text.", "corpus") from None
    for paragraph in text.split("\n\n"):
        for start in range(0, len(paragraph), STRETCH):
            yield paragraph[start : start + STRETCH]


def check_ids(documents: Sequence[Document], rows: int) -> None:
    """Raises InputError for documents of a vocabulary with more than `rows` tokens."""
    if any(max(one.ids, default=0) >= rows for one in documents):
        raise InputError("The documents were written by a model with other tokens.", "data")


def save_documents(documents: Sequence[Document], file: Path) -> None:
    """One safetensors file, whole or not at all; read by `load_documents`."""
    sizes = [[len(one.ids), one.begin, len(one.candidates)] for one in documents]
    tensors = {
        "sizes": torch.tensor(sizes),
        "ids": torch.tensor([token for one in documents for token in one.ids]),
        "candidates": torch.cat([one.candidates for one in documents]).int(),
        "shares": torch.cat([one.shares for one in documents]).half(),
    }
    part = file.with_name(file.name + ".part")
    save_file(tensors, part)
    part.replace(file)


def load_documents(file: Path) -> list[Document]:
    """The documents of a file, in their order. Raises InputError for a file of something else."""
    try:
        stored = load_file(file)
        lengths, begins, counts = stored["sizes"].T.tolist()
        parts = (
            stored["ids"].split(lengths),
            stored["candidates"].split(counts),
            stored["shares"].split(counts),
        )
    except (OSError, SafetensorError, KeyError, ValueError, RuntimeError):
        raise InputError(f"{file.name} is no file of documents.", "data") from None
    return [
        Document(ids.tolist(), begin, candidates, shares)
        for ids, begin, candidates, shares in zip(parts[0], begins, *parts[1:], strict=True)
    ]
