"""Log-probabilities of a generation's tokens, from digests: of the steps that decided them, or of
the pass over the finished text.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from core.generation import At, TokenLogprob
from inference.engine.canvas import Canvas, Slot, fold
from inference.engine.digest_view import DigestView
from inference.engine.text_spans import growth
from visualizer.models import Digest, Generation, Run, Step
from visualizer.selectors.history import start_of
from visualizer.selectors.labels import Labels, labels_for

UNLIKELY = -9999.0
"""OpenAI's number for a token that is not among those whose probability is kept."""
WRITES = ("commit", "edit")


@dataclass(frozen=True, slots=True)
class Decision:
    """Where a slot's token is read: in the pass over the state after `number`, at `position`."""

    number: int
    position: int


def token_logprobs(
    row: Generation, top: int, at: At = "step", first: int = 0
) -> list[TokenLogprob]:
    """Of the generated tokens in their order from number `first` on, as far as the text goes.

    `at`: "step" of the decision, or "end", for generations with a final pass.
    """
    if row.session is None or row.run is None:
        return []
    canvas, decisions, last = _decisions(row.run, start_of(row.session))
    if at == "end":
        decisions = {id: Decision(last, canvas.position_of[id]) for id in decisions}
    labels = labels_for(row.session)
    wanted = _within(row.text, canvas, decisions, labels)[first:]
    numbers = {decisions[slot.id].number for slot, _ in wanted}
    kept = Digest.objects.filter(branch=row.run.branch, number__in=numbers).exclude(data=b"")
    views = {one.number: DigestView.from_bytes(bytes(one.data)) for one in kept}
    return [
        replace(_told(views, decisions[slot.id], slot.token, top, labels), text=text)
        for slot, text in wanted
    ]


def _within(
    text: str, canvas: Canvas, decisions: dict[int, Decision], labels: Labels
) -> list[tuple[Slot, str]]:
    """The written slots whose tokens make the text, each with what it adds to it.

    Special tokens end the text. A character of several tokens is the last one's.
    """
    slots = [slot for slot in canvas.slots if slot.id in decisions and slot.token != canvas.mask_id]
    found, left = [], len(text)
    for slot, added in zip(slots, growth([labels.raw_of(s.token) for s in slots]), strict=True):
        if left <= 0:
            break
        found.append((slot, added))
        left -= len(added)
    return found


def _decisions(run: Run, canvas: Canvas) -> tuple[Canvas, dict[int, Decision], int]:
    """The run's last canvas, where each of its written slots was decided last, its last number."""
    decisions: dict[int, Decision] = {}
    number = run.first_step - 1
    for step in Step.objects.filter(run=run).order_by("number"):
        for operation in step.operations:
            if operation["op"] in WRITES:
                position = canvas.position_of[operation["slot"]]
                decisions[operation["slot"]] = Decision(step.number - 1, position)
        canvas, number = fold(canvas, [step.operations]), step.number
    here = {id: one for id, one in decisions.items() if id in canvas.position_of}
    return canvas, here, number


def _told(
    views: dict[int, DigestView], place: Decision, token: int, top: int, labels: Labels
) -> TokenLogprob:
    view = views.get(place.number)
    row = view.row_of.get(place.position) if view is not None else None
    if view is None or row is None:
        return TokenLogprob(labels(token), UNLIKELY)
    ids, known = view.ids[row].tolist(), view.probabilities(1.0, row).tolist()
    logs = [math.log(value) if value > 0 else UNLIKELY for value in known]
    own = logs[ids.index(token)] if token in ids else UNLIKELY
    likeliest = tuple((labels(one), log) for one, log in zip(ids[:top], logs[:top], strict=True))
    return TokenLogprob(labels(token), own, likeliest)
