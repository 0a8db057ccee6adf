"""Generative perplexity of what was written, by an autoregressive model."""

from __future__ import annotations

from collections.abc import Callable
from itertools import takewhile
from typing import Any

from inference import runtime
from inference.engine.causal.scores import TextScore
from inference.errors import UnmaskError
from inference.models import ModelEntry
from inference.packages import PACKAGED
from visualizer.commands.requests import Request
from visualizer.selectors.comparison import Side, side_for
from visualizer.selectors.history import state_at
from visualizer.selectors.labels import labels_for
from visualizer.worker.judges import judge_for, score

SMALL = PACKAGED["smollm2-135m-instruct"]
NONE = (
    "There is no autoregressive model on this machine that could judge. "
    f"`{SMALL.command}` brings a small one."
)


def judge(request: Request) -> Callable[[], dict[str, Any]]:
    """judgement: a score for each side. A parent judges the tokens themselves, others the text."""
    asked = request.message.sides
    sides = [side_for(request.asker, one.session_id, one.branch, one.step) for one in asked]
    entry = judge_for(request.user, sides[0].session.model)
    if entry is None:
        raise UnmaskError("model_unavailable", NONE, "sides")
    runtime.load(entry)
    told = [_told(entry, side) for side in sides]

    def write() -> dict[str, Any]:
        about = {"slug": entry.slug, "label": entry.label}
        return {"type": "judgement", "judge": about, "texts": told}

    return write


def _told(entry: ModelEntry, side: Side) -> dict[str, Any]:
    found = _score(entry, side)
    return {
        "session_id": str(side.session.pk),
        "branch": side.ref.branch,
        "number": side.ref.number,
        "tokens": len(found.logprobs) if found else 0,
        "perplexity": found.perplexity if found else None,
    }


def _score(entry: ModelEntry, side: Side) -> TextScore | None:
    """Of the written tokens in their order up to the first end; masks are left out."""
    canvas, model = state_at(side.session, side.ref), runtime.load(side.session.model)
    ends = set(model.spec.end_ids)
    written = [slot.token for slot in canvas.slots if not slot.prompt]
    ids = [t for t in takewhile(lambda t: t not in ends, written) if t != canvas.mask_id]
    before = side.session.prompt_ids
    labels = labels_for(side.session)
    texts = labels.decode(before).text, labels.decode(ids).text
    return score(entry, side.session.model, (before, ids), texts)
