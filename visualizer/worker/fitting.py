"""Whether a prompt is one that the model's task can be asked at all."""

from __future__ import annotations

from inference.engine.checkpoint import LoadedModel
from inference.engine.corpora.bpe import UNKNOWN
from inference.errors import UnmaskError
from inference.models import ModelEntry

FEW = 40
"""Vocabularies up to this size are told symbol by symbol."""


def check_symbols(model: LoadedModel, ids: list[int]) -> None:
    """Raises UnmaskError (prompt) for characters that a model of few symbols does not know."""
    assert model.tokenizer is not None
    unknown = model.tokenizer.id_of(UNKNOWN)
    if unknown is None or unknown not in ids:
        return
    special, size = model.tokenizer.special, model.spec.vocab_size
    pieces = model.tokenizer.pieces(size)
    known = [piece for id, piece in enumerate(pieces) if id not in special and id != unknown]
    told = f" It knows masks (▢) and {' '.join(known)}" if len(known) <= FEW else ""
    raise UnmaskError(
        "validation", f"The prompt has characters that this model does not know.{told}", "prompt"
    )


def check_grid(entry: ModelEntry, cells: int) -> None:
    """Raises UnmaskError (prompt) for a puzzle of another size than the model's grids.

    `cells`: clues and masks of the canvas.
    """
    rows = next((row["rows"] for row in entry.card.get("examples", []) if "rows" in row), 0)
    wanted = int(entry.card.get("context", 0)) if rows else 0
    if wanted and cells != wanted:
        raise UnmaskError(
            "validation",
            f"A puzzle of this model has {wanted} cells, row by row; this one has {cells}. "
            "Write each open cell as ▢.",
            "prompt",
        )
