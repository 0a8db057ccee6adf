"""Batches of windows cut from one running text, and the windows that are held out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from tokenizers import Tokenizer

from inference.engine.corpora.bpe import END, byte_pairs, characters, id_of
from inference.engine.errors import InputError
from inference.engine.training.noise import Batch, Ids
from inference.engine.training.texts.kinds import Kind
from inference.engine.training.texts.settings import Sizes

HELD_OUT_SHARE = 0.05
HELD_OUT_WINDOWS = 32
PROMPT_SHARE = 0.3
"""Rows of a mask predictor whose beginning is never masked, as a prompt is later."""
PIECE = 2000
"""Characters that are handed to the tokenizer at once: one word without end takes it too long."""


@dataclass(frozen=True)
class Windows:
    """Ids of a text in two parts, [n] each. A window is `length` tokens of one of them.

    A causal model's windows have one token more: what follows is what it learns.
    """

    training: Ids
    held_out: Ids
    length: int
    end_id: int
    causal: bool

    def batch(self, size: int, rng: np.random.Generator) -> Batch:
        """`size` windows from anywhere in the training part."""
        starts = rng.integers(0, len(self.training) - self.length + 1, size)
        ids = self.training[starts[:, None] + np.arange(self.length)]
        maskable = np.ones(ids.shape, dtype=bool)
        if not self.causal:
            lengths = rng.integers(1, self.length, size)
            prompted = rng.random(size) < PROMPT_SHARE
            kept = np.arange(self.length) < lengths[:, None]
            maskable[kept & prompted[:, None]] = False
        return Batch(ids, maskable)

    def evaluation(self) -> Batch:
        """Windows that are spread evenly over the part that is held out."""
        room = len(self.held_out) - self.length
        count = min(HELD_OUT_WINDOWS, room // self.length + 1)
        starts = np.linspace(0, room, count).astype(int)
        ids = self.held_out[starts[:, None] + np.arange(self.length)]
        return Batch(ids, np.ones(ids.shape, dtype=bool))


def make_tokenizer(kind: Kind, text: str, sizes: Sizes) -> Tokenizer:
    """The tokenizer that a text gives: its characters, or its byte pairs."""
    if kind.characters:
        return characters(text, sizes.vocabulary)
    return byte_pairs(pieces(text), sizes.vocabulary)


def pieces(text: str) -> list[str]:
    """The text in parts of some thousand characters."""
    return [text[start : start + PIECE] for start in range(0, len(text), PIECE)]


def make_windows(kind: Kind, text: str, tokenizer: Tokenizer, sizes: Sizes) -> Windows:
    """The text as windows. Raises InputError for one that is too short or says nothing."""
    encoded = tokenizer.encode_batch(pieces(text), add_special_tokens=False)
    ids: Ids = np.concatenate([np.array(one.ids, dtype=np.int64) for one in encoded])
    length = sizes.context + int(kind.causal)
    held_out = max(length, int(HELD_OUT_SHARE * len(ids)))
    if len(ids) < 4 * length:
        raise InputError(
            f"The text has {len(ids)} {kind.unit}s; a window of {sizes.context} needs "
            f"{4 * length} at least. Take a longer text or a shorter window.",
            "corpus",
        )
    end_id = id_of(tokenizer, END)
    return Windows(ids[:-held_out], ids[-held_out:], length, end_id, kind.causal)
