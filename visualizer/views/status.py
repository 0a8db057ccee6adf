"""The status line: one sentence on the shown step; static/js/status.js says the same.

tests/data/twins/status.json has cases for both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from visualizer.models import Run
from visualizer.views.cells import Look, Row, rows

FIRST = "Press Run to watch, or Forward pass to go step by step."
BEGUN = "The first step is being computed."
LOST = " Its distribution is no longer kept"
AGAIN = "; run a forward pass to see it again"
NEXT = "Choose a token to see its candidates, or press Auto-select."
_CHANGES = (
    ("written", ("commit", "edit")),
    ("masked again", ("remask",)),
    ("inserted", ("insert",)),
    ("removed", ("delete",)),
)


def status_line(snapshot: dict[str, Any], look: Look, read_only: bool = False) -> str:
    """What the shown step changed and how much of the canvas is filled."""
    places = [row for row in rows(snapshot) if not (row.prompt or row.surplus)]
    masked = sum(row.masked for row in places)
    step = next((s for s in snapshot["steps"] if s["number"] == look.number), None)
    forward = snapshot["forwards"].get(str(look.number))
    lost = lost_line(forward, read_only)
    run = snapshot["run"]
    running = bool(run) and run["status"] in Run.ACTIVE
    if step is None:
        hint = _begun(look) if running else "" if read_only else _next(forward)
        return f"Start: {masked} masked.{lost or hint}"
    end = "" if running else f" of {look.tip}"
    filled = f"{len(places) - masked} of {len(places)} filled{verdicts_of(places)}"
    time = f", {step['ms']:.0f} ms" if step["ms"] else ""
    return f"Step {look.number}{end}: {changes_of(step['ops'])}, {filled}{time}.{lost}"


def _begun(look: Look) -> str:
    """Of a run that has written nothing yet."""
    return "" if look.tip else f" {BEGUN}"


def _next(forward: dict[str, Any] | None) -> str:
    """What to do first, before and after a forward pass."""
    return f" {FIRST if forward is None else NEXT}"


def lost_line(forward: dict[str, Any] | None, read_only: bool) -> str:
    """A sentence where a pass was made whose distribution has been given up."""
    if not forward or not forward.get("thinned"):
        return ""
    return f"{LOST}{'' if read_only else AGAIN}."


def has_pass(snapshot: dict[str, Any], number: int) -> bool:
    """Whether the distribution over the state after a step can be looked at and chosen from."""
    forward = snapshot["forwards"].get(str(number))
    return forward is not None and not forward.get("thinned")


def verdicts_of(places: Iterable[Row]) -> str:
    """`, 3 right, 1 wrong` where the answer is known."""
    counts = Counter(row.verdict for row in places if row.verdict)
    return "".join(f", {counts[name]} {name}" for name in ("right", "wrong") if counts[name])


def written(ops: Iterable[dict[str, Any]]) -> int:
    """How many tokens a step wrote, by the operations that a snapshot tells."""
    return sum(op["op"] in ("commit", "edit") for op in ops)


def changes_of(ops: list[dict[str, Any]]) -> str:
    """`2 written, 1 removed`; what did not happen is left out, but for what was written."""
    counts = [(name, sum(_size(op) for op in ops if op["op"] in kinds)) for name, kinds in _CHANGES]
    told = [f"{count} {name}" for name, count in counts if count]
    return ", ".join(told) or "0 written"


def _size(op: dict[str, Any]) -> int:
    """Places that an operation is about; what only fills up a block is not counted."""
    if op.get("surplus"):
        return 0
    return len(op.get("new", [])) if op["op"] == "insert" else 1
