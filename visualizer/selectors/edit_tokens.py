"""Tokens that edit the canvas when they are chosen: an expand token makes one mask two, a delete
token takes its place away. Neither is ever written (as in DreamOn).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from inference.engine.canvas import Operation
from visualizer.models import Session
from visualizer.selectors.labels import Labels, labels_for

EXPAND, DELETE = "+1 mask", "remove"


class EditTokens(NamedTuple):
    """The ids of a model's editing tokens; None where it has none."""

    expand: int | None = None
    delete: int | None = None


class ChoiceLabels(Labels):
    """Token id → its text as a choice: what an editing token does, instead of its name."""

    def __init__(self, pieces: list[str], edits: EditTokens) -> None:
        super().__init__(pieces)
        self.words = {edits.expand: EXPAND, edits.delete: DELETE}

    def __call__(self, token: int) -> str:
        return self.words.get(token) or super().__call__(token)


def edit_tokens_of(session: Session) -> EditTokens:
    """The editing tokens of the session's model, as its last loading told them."""
    known = session.model.edit_ids
    return EditTokens(known.get("expand"), known.get("delete"))


def choice_labels_for(session: Session) -> ChoiceLabels:
    """Labels for candidates, picks and best guesses; what is written keeps its own text."""
    return ChoiceLabels(labels_for(session).pieces, edit_tokens_of(session))


def operation_for(edits: EditTokens, commit: Operation, fresh: Iterator[int]) -> Operation:
    """What a chosen token does to its slot: `commit` itself, or an insertion or a deletion.

    `fresh`: ids of slots that no branch has used. Probability and chooser stay with the operation.
    """
    about = {"slot": commit["slot"], "p": commit["p"], "by": commit["by"]}
    if commit["token"] == edits.expand:
        return {"op": "insert", **about, "new": [next(fresh)]}
    return {"op": "delete", **about} if commit["token"] == edits.delete else commit
