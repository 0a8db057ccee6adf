"""Log-probabilities of a generation's tokens, from the digests of the steps that decided them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from core.generation import TokenLogprob
from inference.engine.canvas import Canvas, fold
from inference.engine.digest_view import DigestView
from visualizer.models import Digest, Generation, Run, Step
from visualizer.selectors.history import start_of
from visualizer.selectors.labels import Labels, labels_for

UNLIKELY = -9999.0
"""OpenAI's number for a token that is not among those whose probability is kept."""
WRITES = ("commit", "edit")


@dataclass(frozen=True, slots=True)
class Decision:
    """Where a slot's token was decided: the pass over the state after `number`, at `position`."""

    number: int
    position: int


def token_logprobs(row: Generation, top: int) -> list[TokenLogprob]:
    """Of the generated tokens in their order, as far as the text goes; special tokens end it."""
    if row.session is None or row.run is None:
        return []
    canvas, decisions = _decisions(row.run, start_of(row.session))
    labels = labels_for(row.session)
    numbers = {one.number for one in decisions.values()}
    kept = Digest.objects.filter(branch=row.run.branch, number__in=numbers)
    views = {one.number: DigestView.from_bytes(bytes(one.data)) for one in kept}
    tokens: list[TokenLogprob] = []
    left = len(row.text)
    for slot in canvas.slots:
        found = decisions.get(slot.id)
        if found is None or left <= 0:
            continue
        token = _told(views.get(found.number), found.position, slot.token, top, labels)
        tokens.append(token)
        left -= len(token.text)
    return tokens


def _decisions(run: Run, canvas: Canvas) -> tuple[Canvas, dict[int, Decision]]:
    """The run's last canvas, and where each of its written slots was decided last."""
    decisions: dict[int, Decision] = {}
    for step in Step.objects.filter(run=run).order_by("number"):
        for operation in step.operations:
            if operation["op"] in WRITES:
                position = canvas.position_of[operation["slot"]]
                decisions[operation["slot"]] = Decision(step.number - 1, position)
        canvas = fold(canvas, [step.operations])
    return canvas, decisions


def _told(
    view: DigestView | None, position: int, token: int, top: int, labels: Labels
) -> TokenLogprob:
    row = view.row_of.get(position) if view is not None else None
    if view is None or row is None:
        return TokenLogprob(labels(token), UNLIKELY)
    ids, known = view.ids[row].tolist(), view.probabilities(1.0, row).tolist()
    logs = [math.log(value) if value > 0 else UNLIKELY for value in known]
    own = logs[ids.index(token)] if token in ids else UNLIKELY
    likeliest = tuple((labels(one), log) for one, log in zip(ids[:top], logs[:top], strict=True))
    return TokenLogprob(labels(token), own, likeliest)
