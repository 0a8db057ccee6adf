"""A runtime of a few lines: a tokenizer of characters and a fixed table of logits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from inference.engine.checkpoint import LoadedModel
from inference.engine.families.spec import ModelSpec
from inference.engine.forward import Request, forward_many
from inference.runtime import Logits

ALPHABET = "\u0000abcdefghijklmnopqrstuvwxyz .,!?=+-@<>&'\"0123456789"
MASK = len(ALPHABET)
SIZE = 160
CONTEXT = 160


class FakeTokenizer:
    hash = "f" * 64

    def id_of(self, token: str) -> int | None:
        return None

    def encode_prompt(self, text: str, special: bool = False) -> list[int]:
        return self.encode(text, special)

    def encode(self, text: str, special: bool = False) -> list[int]:
        """Letters; "_" is the mask where special tokens count."""
        return [
            MASK if special and letter == "_" else max(ALPHABET.find(letter), 1)
            for letter in text.lower()
        ]


@dataclass
class FakeModel:
    """What the worker needs of a LoadedModel."""

    spec: ModelSpec = field(
        default_factory=lambda: ModelSpec(
            family="llada", vocab_size=SIZE, context=CONTEXT, mask_id=MASK
        )
    )
    tokenizer: FakeTokenizer | None = field(default_factory=FakeTokenizer)
    weights_hash: str = "a" * 64
    tokenizer_hash: str = "f" * 64
    key: str = "k" * 64
    dtype: torch.dtype = torch.float32
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    quantization: str | None = None
    device_map: Any = None
    context: int = CONTEXT
    parameters: int = 0


def table() -> torch.Tensor:
    """Logits [CONTEXT, SIZE], the same in every process."""
    generator = torch.Generator().manual_seed(7)
    sharpness = torch.linspace(0.5, 4.0, CONTEXT)[:, None]
    return torch.randn(CONTEXT, SIZE, generator=generator) * sharpness


class FakeRuntime:
    """Stands for inference.runtime; counts its forwards."""

    def __init__(self) -> None:
        self.model: Any = FakeModel()
        self.table = table()
        self.forwards = 0
        self.before_logits: Callable[[], None] = lambda: None

    def load(self, entry: Any, **_: Any) -> Any:
        return self.model

    def logits(self, model: Any, ids: Sequence[int], rows: Sequence[int]) -> Logits:
        self.before_logits()
        self.forwards += 1
        return Logits(self.table[list(rows)].clone(), False, 1.5)

    def forward(self, model: LoadedModel, requests: Sequence[Request]) -> list[torch.Tensor]:
        return forward_many(model, requests)

    def submit(self, work: Callable[[], Any], seconds: float | None = None) -> Any:
        return work()
