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


def settled_ids(model: LoadedModel, canvas: Canvas) -> list[int]:
    """The tokens of a canvas's final text (that of `settled_text` without stop texts)."""
    return _settled_ids(model, canvas, final=True)[0]


def _settled_ids(model: LoadedModel, canvas: Canvas, final: bool) -> tuple[list[int], bool]:
    """Ids of the generated places up to the first open one, or to the end of the text."""
    spans = generated_spans(canvas)
    ends = model.spec.end_ids
    ids: list[int] = []
    for slot in canvas.slots[spans[0].start : spans[-1].stop]:
        if slot.token in ends and not slot.prompt:
            return ids, True
        if slot.token == canvas.mask_id:
            if not final:
                return ids, False
        else:
            ids.append(slot.token)
    return ids, False


def generated_spans(canvas: Canvas) -> list[range]:
    """Positions that are not the prompt's, one range for each place where it had a gap.

    A gap stays one when all of its slots have been deleted: the ids of the prompt's slots are their
    first positions, so that one is missing between two of them where a gap was. There is always a
    last one, empty if nothing was to follow the prompt.
    """
    spans: list[range] = []
    known, start = -1, 0
    for position, slot in enumerate(canvas.slots):
        if not slot.prompt:
            continue
        if slot.id != known + 1:
            spans.append(range(start, position))
        known, start = slot.id, position + 1
    if known + 1 < canvas.prompt_length or start < len(canvas) or not spans:
        spans.append(range(start, len(canvas)))
    return spans


def decoded(model: LoadedModel, canvas: Canvas, ids: Sequence[int]) -> str:
    """The text that ids add behind what stands before the first generated place.

    Decoded together with it: the first token's leading space belongs to the text.
    """
    return _added(model, canvas, generated_spans(canvas)[0].start, ids)


def gap_texts(model: LoadedModel, canvas: Canvas) -> list[str]:
    """The text of every gap, for infilling: empty where all of it has been deleted."""
    special = model.spec.named_ids().values()
    texts = []
    for span in generated_spans(canvas):
        ids = [canvas.slots[position].token for position in span]
        texts.append(_added(model, canvas, span.start, [one for one in ids if one not in special]))
    return texts


def _added(model: LoadedModel, canvas: Canvas, start: int, ids: Sequence[int]) -> str:
    """What ids add to the text before a position."""
    assert model.tokenizer is not None
    before = [slot.token for slot in canvas.slots[:start]]
    return model.tokenizer.decode([*before, *ids])[len(model.tokenizer.decode(before)) :]


def _held_back(text: str, stop: Sequence[str]) -> int:
    """How many of the last characters may be the beginning of a stop text."""
    lengths = (
        size
        for one in stop
        for size in range(min(len(one) - 1, len(text)), 0, -1)
        if text.endswith(one[:size])
    )
    return max(lengths, default=0)
