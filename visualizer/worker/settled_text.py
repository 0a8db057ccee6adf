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
    pieces: Sequence[str] = (),
) -> SettledText:
    """The text from the first generated place on, as far as it has settled.

    A recipe that revises what it wrote settles nothing before the end. What might become a stop
    text, or a character of several tokens, is held back until it is known; at the end (`final`)
    nothing is. Texts of a canvas and of a later one of the same run extend each other. `pieces`:
    those around the gaps of an infilling, whose text reaches from the first gap to the last one.
    """
    if revises and not final:
        return SettledText("")
    if pieces:
        return _settled_gaps(model, canvas, pieces, stop, final)
    part = _settled_part(model, canvas, _generated(canvas), stop, final)
    if final or part.ended:
        return SettledText(part.text, part.ended)
    return SettledText(_known(part.text, stop))


def gap_texts(
    model: LoadedModel, canvas: Canvas, pieces: Sequence[str], stop: Sequence[str]
) -> list[str]:
    """The text of every gap of a finished infilling: empty where all of it has been deleted."""
    spans = generated_spans(canvas)[: len(pieces) - 1]
    return [_settled_part(model, canvas, span, stop, final=True).text for span in spans]


def settled_ids(model: LoadedModel, canvas: Canvas) -> list[int]:
    """The tokens of a canvas's final text (that of `settled_text` without stop texts)."""
    return _settled_ids(model, canvas, _generated(canvas), final=True)[0]


@dataclass(frozen=True, slots=True)
class _Part:
    """The text of some places up to the first open one (`is_open`), or to what ended it."""

    text: str
    ended: bool
    is_open: bool


def _settled_gaps(
    model: LoadedModel, canvas: Canvas, pieces: Sequence[str], stop: Sequence[str], final: bool
) -> SettledText:
    """End-of-text and stop texts end their own gap: what follows it is not the model's to leave."""
    spans = generated_spans(canvas)[: len(pieces) - 1]
    text, all_ended = "", True
    for span, behind in zip(spans, [*pieces[1:-1], ""], strict=True):
        part = _settled_part(model, canvas, span, stop, final)
        if part.is_open:
            return SettledText(text + _known(part.text, stop))
        text += part.text + behind
        all_ended &= part.ended
    return SettledText(text, all_ended)


def _settled_part(
    model: LoadedModel, canvas: Canvas, span: range, stop: Sequence[str], final: bool
) -> _Part:
    """Decoded together with what stands before: the first token's leading space is the text's."""
    ids, ended, is_open = _settled_ids(model, canvas, span, final)
    text = _added(model, canvas, span.start, ids)
    hit = min((at for one in stop if (at := text.find(one)) >= 0), default=-1)
    return _Part(text[:hit], True, False) if hit >= 0 else _Part(text, ended, is_open)


def _known(text: str, stop: Sequence[str]) -> str:
    """Without what may become a stop text, or a character of several tokens."""
    text = text.rstrip(PARTIAL)
    return text[: len(text) - _held_back(text, stop)]


def _settled_ids(
    model: LoadedModel, canvas: Canvas, span: range, final: bool
) -> tuple[list[int], bool, bool]:
    """Ids of places up to the first open one, or to the end of the text: whether either is there.

    At the end (`final`) places that are still open are passed over.
    """
    ends = model.spec.end_ids
    ids: list[int] = []
    for slot in canvas.slots[span.start : span.stop]:
        if slot.token in ends and not slot.prompt:
            return ids, True, False
        if slot.token != canvas.mask_id:
            ids.append(slot.token)
        elif not final:
            return ids, False, True
    return ids, False, False


def _generated(canvas: Canvas) -> range:
    """From the first generated place to the last one."""
    spans = generated_spans(canvas)
    return range(spans[0].start, spans[-1].stop)


def generated_spans(canvas: Canvas) -> list[range]:
    """Positions that are not the prompt's, one range for each place where it had a gap.

    A gap stays one when all of its slots have been deleted: the ids of the prompt's slots are their
    first positions, so that one is missing between two of them where a gap was. There is always a
    last one, empty if nothing was to follow the prompt. What fills a block model's last block
    stands behind them all, and is none.
    """
    spans: list[range] = []
    known, start = -1, 0
    slots = [slot for slot in canvas.slots if not slot.surplus]
    for position, slot in enumerate(slots):
        if not slot.prompt:
            continue
        if slot.id != known + 1:
            spans.append(range(start, position))
        known, start = slot.id, position + 1
    if known + 1 < canvas.prompt_length or start < len(slots) or not spans:
        spans.append(range(start, len(slots)))
    return spans


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
