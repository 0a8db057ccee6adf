"""Gaps between texts as masks: so many as were asked for, or as many as the model finds probable.

A model with expand and delete tokens changes the number of masks while it decodes, so it begins
with a few. For all others every length is tried with one forward pass (inference.engine.lengths).
"""

from __future__ import annotations

from collections.abc import Sequence

from inference import runtime
from inference.engine.checkpoint import LoadedModel
from inference.engine.lengths import best_trial, quick_lengths
from inference.errors import UnmaskError

FIRST_GAP = 4
"""Masks that a gap begins with where the model finds the length itself."""


def ids_with_gaps(
    model: LoadedModel, pieces: Sequence[str], gaps: Sequence[int], longest: int
) -> list[int]:
    """Ids of the pieces with masks between each two; a gap of 0 is found, up to `longest` masks.

    Gaps are found from left to right; those that are not yet count as one mask. Raises UnmaskError
    when the whole does not fit into the model's context.
    """
    mask = _mask_of(model)
    texts = _encoded(model, pieces)
    _check_room(model, sum(map(len, texts)) + sum(gap or 1 for gap in gaps))
    ids = list(texts[0])
    for index, gap in enumerate(gaps):
        behind = _joined(texts[index + 1 :], [one or 1 for one in gaps[index + 1 :]], mask)
        length = gap or _found(model, ids, behind, longest)
        ids += [mask] * length + texts[index + 1]
    return ids


def _found(model: LoadedModel, before: list[int], behind: list[int], longest: int) -> int:
    room = model.context - len(before) - len(behind)
    most = min(longest, room)
    if model.spec.length == "edits":
        return min(FIRST_GAP, most)
    trials = quick_lengths(model, before, behind, range(1, most + 1), runtime.forward)
    return best_trial(trials).length


def _joined(texts: Sequence[list[int]], gaps: Sequence[int], mask: int) -> list[int]:
    """Texts with masks between each two."""
    ids = list(texts[0])
    for gap, text in zip(gaps, texts[1:], strict=True):
        ids += [mask] * gap + text
    return ids


def _encoded(model: LoadedModel, pieces: Sequence[str]) -> list[list[int]]:
    """Ids of each piece. Between two gaps there has to be something, or they would be one."""
    assert model.tokenizer is not None
    first = model.tokenizer.encode_prompt(pieces[0], False)
    texts = [first, *(model.tokenizer.encode(piece) for piece in pieces[1:])]
    if not all(texts[1:-1]):
        raise UnmaskError("validation", "There is no text between two gaps. Join them.", "pieces")
    return texts


def _mask_of(model: LoadedModel) -> int:
    if model.spec.mask_id is None:
        raise UnmaskError("validation", "This model has no mask, so it cannot fill gaps.", "model")
    return model.spec.mask_id


def _check_room(model: LoadedModel, size: int) -> None:
    if size > model.context:
        raise UnmaskError(
            "validation",
            f"Text and gaps take {size} tokens; the model's context is {model.context}.",
            "prompt",
        )
