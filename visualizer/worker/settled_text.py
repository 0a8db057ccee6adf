"""The text of a canvas that cannot change any more, so that it can be sent on as it grows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel

PARTIAL = "\ufffd"
"""What a decoder puts where bytes are no whole character yet."""


@dataclass(frozen=True, slots=True)
class SettledText:
    """The settled text; `ended`: by end-of-text or a stop text, so that nothing follows."""

    text: str
    ended: bool = False


def settled_text(
    model: LoadedModel,
    canvas: Canvas,
    *,
    revises: bool,
    final: bool = False,
    stop: Sequence[str] = (),
) -> SettledText:
    """The text from the first generated place on, as far as it has settled.

    A recipe that revises what it wrote settles nothing before the end. What might become a stop
    text, or a character of several tokens, is held back until it is known; at the end (`final`)
    nothing is. Texts of a canvas and of a later one of the same run extend each other.
    """
    if revises and not final:
        return SettledText("")
    ids, ended = _settled_ids(model, canvas, final)
    text = decoded(model, canvas, ids)
    hit = min((at for one in stop if (at := text.find(one)) >= 0), default=-1)
    if hit >= 0:
        return SettledText(text[:hit], ended=True)
    if final or ended:
        return SettledText(text, ended)
    text = text.rstrip(PARTIAL)
    return SettledText(text[: len(text) - _held_back(text, stop)])


def _settled_ids(model: LoadedModel, canvas: Canvas, final: bool) -> tuple[list[int], bool]:
    """Ids of the generated places up to the first open one, or to the end of the text."""
    if not canvas.places:
        return [], True
    ends = model.spec.end_ids
    ids: list[int] = []
    for slot in canvas.slots[canvas.places[0] : canvas.places[-1] + 1]:
        if slot.token in ends and not slot.prompt:
            return ids, True
        if slot.token == canvas.mask_id:
            if not final:
                return ids, False
        else:
            ids.append(slot.token)
    return ids, False


def decoded(model: LoadedModel, canvas: Canvas, ids: Sequence[int]) -> str:
    """The text that ids add behind what stands before the first generated place.

    Decoded together with it: the first token's leading space belongs to the text.
    """
    assert model.tokenizer is not None
    before = [slot.token for slot in canvas.slots[: canvas.places[0]]] if canvas.places else []
    before = [token for token in before if token != canvas.mask_id]
    head = model.tokenizer.decode(before)
    return model.tokenizer.decode([*before, *ids])[len(head) :]


def gap_texts(model: LoadedModel, canvas: Canvas) -> list[str]:
    """The text of every run of generated places, for infilling."""
    gaps: list[list[int]] = []
    last = -2
    for place in canvas.places:
        if place != last + 1:
            gaps.append([])
        gaps[-1].append(canvas.slots[place].token)
        last = place
    keep = model.spec.named_ids().values()
    ids = [[token for token in gap if token not in keep] for gap in gaps]
    assert model.tokenizer is not None
    return [model.tokenizer.decode(gap) for gap in ids]


def _held_back(text: str, stop: Sequence[str]) -> int:
    """How many of the last characters may be the beginning of a stop text."""
    lengths = (
        size
        for one in stop
        for size in range(min(len(one) - 1, len(text)), 0, -1)
        if text.endswith(one[:size])
    )
    return max(lengths, default=0)
