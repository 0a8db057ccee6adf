"""The text of a diffusion model's canvas as it is refined, folded from `draft` events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from inference.engine.text_spans import decode, raw_of

Draft = dict[str, Any]


class DraftText:
    """The generated part of the canvas; masks are left out of its text. Characters that take
    several tokens are joined, not over a mask.
    """

    def __init__(self) -> None:
        self._canvas: list[str | None] = []
        self._start = 0

    def apply(self, draft: Draft) -> str:
        """The text after a draft: from the first place that was open at the start."""
        if "canvas" in draft:
            mask = draft["mask"]
            self._canvas = [None if label == mask else label for label in draft["canvas"]]
            at = self._canvas.index(None) if None in self._canvas else len(self._canvas)
            self._start = at
        for operation in draft["ops"]:
            change = _CHANGES.get(operation["op"])
            if change is not None:
                change(self._canvas, operation)
        shown = self._canvas[self._start :]
        return decode(["" if label is None else raw_of(label) for label in shown]).text


def _write(canvas: list[str | None], operation: dict[str, Any]) -> None:
    canvas[operation["pos"]] = operation["label"]


def _remask(canvas: list[str | None], operation: dict[str, Any]) -> None:
    canvas[operation["pos"]] = None


def _insert(canvas: list[str | None], operation: dict[str, Any]) -> None:
    at = operation["pos"] + 1
    canvas[at:at] = [None] * len(operation["new"])


def _delete(canvas: list[str | None], operation: dict[str, Any]) -> None:
    del canvas[operation["pos"]]


_CHANGES: dict[str, Callable[[list[str | None], dict[str, Any]], None]] = {
    "commit": _write,
    "edit": _write,
    "remask": _remask,
    "insert": _insert,
    "delete": _delete,
}
