"""The doors to comparisons of two kinds of models, and what such a page shows."""

from __future__ import annotations

import math
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from inference.errors import UnmaskError
from inference.models import ModelEntry
from playground.models import CompletionToken, SideBySide

SHOWN = 20
_READY = (ModelEntry.State.AVAILABLE, ModelEntry.State.LOADED, ModelEntry.State.LOADING)
Gap = tuple[int, int]
"""The first token of a gap and the one behind it."""


def models_of(user: Any, kind: str) -> QuerySet[ModelEntry]:
    """The models of a kind that can be started now: the site's and the user's own."""
    return ModelEntry.visible_to(user).filter(kind=kind, state__in=_READY)


def comparisons_of(user: Any) -> QuerySet[SideBySide]:
    """The user's, the newest first."""
    return SideBySide.objects.filter(owner=user).select_related("causal_model", "masked_model")


def comparison_for(user: Any, id: UUID | str) -> SideBySide:
    """The user's comparison. Raises not_found for strangers exactly as for ids that never were."""
    found = comparisons_of(user).filter(pk=id).first()
    if found is None:
        raise UnmaskError("not_found", "There is no such comparison, or it is not yours.", "id")
    return found


def doubtful_gaps(tokens: list[CompletionToken], least: float) -> list[Gap]:
    """Runs of tokens whose probability is below `least`."""
    doubtful = [math.exp(one.logprob) < least for one in tokens]
    gaps, begin = [], None
    for place, is_doubtful in enumerate([*doubtful, False]):
        if is_doubtful and begin is None:
            begin = place
        if not is_doubtful and begin is not None:
            gaps.append((begin, place))
            begin = None
    return gaps


def pieces_of(prompt: str, tokens: list[CompletionToken], gaps: list[Gap]) -> list[str]:
    """The texts before, between and behind the gaps."""
    ends = [0, *(end for _, end in gaps)]
    begins = [*(begin for begin, _ in gaps), len(tokens)]
    texts = [
        "".join(one.text for one in tokens[first:last])
        for first, last in zip(ends, begins, strict=True)
    ]
    return [prompt + texts[0], *texts[1:]]
