"""Documents packed for training: padded rows, prompt lengths, canvases of several lengths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.engine.training.noise import Batch, Ids

PROMPT_KEPT_SHARE = 0.6


@dataclass(frozen=True)
class Document:
    """Token ids, the length of the prompt in them, how many tokens at the front are never
    masked, and whether the prompt is foreign text, none of which is to be predicted."""

    ids: list[int]
    prompt_length: int
    fixed: int = 1
    foreign_prompt: bool = False


class PackedDocuments:
    """Batches of documents on canvases of drawn lengths, filled up with end-of-text.

    `canvases` maps a length to its share of the batches. A batch holds only documents that
    leave room for at least one end-of-text token.
    """

    def __init__(
        self, documents: Sequence[Document], canvases: dict[int, float], end_id: int
    ) -> None:
        self.canvases = canvases
        width = max(canvases)
        self.rows = np.full((len(documents), width), end_id, dtype=np.uint16)
        for row, document in zip(self.rows, documents, strict=True):
            row[: len(document.ids)] = document.ids
        self.prompt_lengths = np.array([d.prompt_length for d in documents])
        self.fixed = np.array([d.fixed for d in documents])
        self.foreign = np.array([d.foreign_prompt for d in documents])
        lengths = np.array([len(d.ids) for d in documents])
        self.fitting: dict[int, NDArray[np.intp]] = {
            canvas: np.flatnonzero(lengths < canvas) for canvas in canvases
        }

    def batch(self, size: int, rng: np.random.Generator) -> Batch:
        """Random documents; the prompt of most rows stays readable."""
        lengths, shares = list(self.canvases), list(self.canvases.values())
        canvas = lengths[int(rng.choice(len(lengths), p=shares))]
        chosen = self.fitting[canvas][rng.integers(0, len(self.fitting[canvas]), size)]
        kept = (rng.random(size) < PROMPT_KEPT_SHARE) | self.foreign[chosen]
        return self._batch(chosen, canvas, kept)

    def held_out(self, canvas: int) -> Batch:
        """Every document that fits the canvas, prompts kept: for evaluation."""
        chosen = self.fitting[canvas]
        return self._batch(chosen, canvas, np.ones(len(chosen), dtype=bool))

    def _batch(self, chosen: NDArray[np.intp], canvas: int, kept: NDArray[np.bool_]) -> Batch:
        ids: Ids = self.rows[chosen, :canvas].astype(np.int64)
        # A start token is never masked; the rest of the prompt may be where it is not kept.
        readable = np.where(kept, self.prompt_lengths[chosen], self.fixed[chosen])
        return Batch(ids, np.arange(canvas)[None, :] >= readable[:, None])
