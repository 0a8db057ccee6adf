"""Token cells as the server draws them; static/js/cells.js draws the same from the same rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from visualizer.selectors.answers import conflicts_in
from visualizer.views.tokens import LONG, cell_text, is_special, whole_texts

Snapshot = dict[str, Any]
BINS = 6
REPEAT = "∎"
FOLDED_FROM = 4
"""So many equal special tokens in a row take one cell."""


@dataclass(frozen=True, slots=True)
class Row:
    """One position: what the snapshot says of it.

    `whole`: the characters that begin here, where neighbours share one; "" where none begins.
    `verdict`: right or wrong, where the answer is known; `conflict`: the label stands in its row,
    column or box again. `surplus`: it fills up a block and will be cut.
    """

    pos: int
    slot: int
    label: str
    by: str
    prompt: bool
    locked: bool
    masked: bool
    step: int
    p: float | None
    idle: bool = False
    again: bool = False
    special: bool = False
    whole: str | None = None
    fold: int = 0
    folded: bool = False
    inserted: bool = False
    verdict: str = ""
    conflict: bool = False
    surplus: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """How the canvas is looked at."""

    number: int
    tip: int
    view: str = "cells"
    colour: str = "confidence"
    pos: int | None = None
    folds: bool = True


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell as the template writes it."""

    pos: int
    slot: int
    text: str
    names: str


def rows(snapshot: Snapshot) -> list[Row]:
    """All positions of a snapshot, the prompt's too."""
    session, commits = snapshot["session"], snapshot["commits"]
    found, special = [], frozenset(session.get("special", ())) - {session["mask_id"]}
    first = session["prompt_length"] + session["gen_length"]  # slot of the first place added later
    for pos, (slot, token, label, by, prompt, locked, *surplus) in enumerate(snapshot["slots"]):
        step, p = commits.get(str(slot), commits.get(slot, (0, None)))
        masked = token == session["mask_id"] and not prompt
        row = Row(pos, slot, label, by, bool(prompt), bool(locked), masked, step, p)
        if surplus:
            row = replace(row, surplus=True)
        elif token in special or slot >= first:
            row = replace(row, special=token in special, inserted=slot >= first)
        found.append(row)
    found = _with_verdicts(found, session.get("answer"))
    return _with_whole(_with_again(_with_idle(found, session)))


def _with_verdicts(found: list[Row], answer: dict[str, Any] | None) -> list[Row]:
    """What is right and wrong by the answer that the snapshot tells (see selectors/answers.py)."""
    if answer is None:
        return found
    held = {row.slot: row.label for row in found if not row.masked}
    clash = conflicts_in(held, answer["groups"])
    return [
        replace(row, verdict=_verdict(row, answer["expected"]), conflict=row.slot in clash)
        for row in found
    ]


def _verdict(row: Row, expected: dict[str, str]) -> str:
    right = expected.get(str(row.slot))
    if right is None or row.masked or row.prompt:
        return ""
    return "right" if row.label == right else "wrong"


def _with_whole(found: list[Row]) -> list[Row]:
    whole = whole_texts(["" if row.masked else row.label for row in found])
    if whole is None:
        return found
    return [
        row if text == row.label or row.masked else replace(row, whole=text)
        for row, text in zip(found, whole, strict=True)
    ]


def _with_again(found: list[Row]) -> list[Row]:
    """A special token that only repeats the one before it: the tail behind the end of a text."""
    rest = [replace(row, again=_repeats(before, row)) for before, row in pairwise(found)]
    return [*found[:1], *rest]


def with_folds(found: list[Row], opened: int | None = None) -> list[Row]:
    """Tails of equal special tokens in one cell: `fold` counts them at the first one, the others
    are `folded` into it. The group that holds position `opened` stays as it is."""
    groups: list[list[Row]] = []
    for row in found:
        if row.again and groups:
            groups[-1].append(row)
        else:
            groups.append([row])
    return [row for group in groups for row in _folded(group, opened)]


def _folded(group: list[Row], opened: int | None) -> list[Row]:
    inside = opened is not None and group[0].pos < opened <= group[-1].pos
    if len(group) < FOLDED_FROM or inside:
        return group
    first, *rest = group
    return [replace(first, fold=len(group)), *(replace(row, folded=True) for row in rest)]


def _repeats(before: Row, row: Row) -> bool:
    return not row.masked and row.special and before.label == row.label


def _with_idle(found: list[Row], session: dict[str, Any]) -> list[Row]:
    """Masks of the blocks after the first open one wait for their turn."""
    start, size = session["prompt_length"], max(1, session["block_length"])
    opened = next((row.pos for row in found if row.masked), None)
    if opened is None or opened < start:
        return found
    last = start + ((opened - start) // size + 1) * size
    return [row if row.pos < last or not row.masked else replace(row, idle=True) for row in found]


def _bin(value: float) -> int:
    return max(0, min(BINS - 1, int(value * BINS)))


def _shade(row: Row, look: Look) -> int | None:
    """The colour's bin, if this position has one."""
    if row.masked:
        return None
    if look.colour == "confidence":
        return None if row.p is None else _bin(row.p)
    if look.colour == "step":
        return _bin((row.step - 1) / max(1, look.tip)) if row.step else None
    return {"auto": 0, "hand": 1}.get(row.by) if look.colour == "chosen" else None


def _text(row: Row, label: str, look: Look) -> str:
    if row.fold:
        return f"{cell_text(label)} ×{row.fold}"
    if row.again:
        return REPEAT
    if look.view == "text":
        if row.masked and not label:
            return "·" if row.idle else "mask"
        if row.whole is not None and label == row.label:
            return row.whole
        special = row.special if label == row.label else is_special(label)
        return cell_text(label) if special else label.replace("\n", "↵\n")
    return "·" if row.masked and not label else cell_text(label)


def cell(row: Row, look: Look, staged: dict[str, Any] | None) -> Cell:
    """Text and class names of a position."""
    label = staged["label"] if staged else "" if row.masked else row.label
    text, shade = _text(row, label, look), _shade(row, look)
    flags = {
        "given": row.prompt,
        "masked": row.masked and not staged,
        "idle": row.masked and row.idle,
        f"bin-{shade}": shade is not None and not staged,
        "hand": row.by == "hand" and not row.masked,
        "staged": staged is not None,
        "now": not row.masked and bool(row.step) and row.step == look.number,
        "locked": row.locked,
        "special": not row.masked and row.special,
        "continues": look.view == "text" and row.whole == "" and not staged,
        "fold": bool(row.fold),
        "folded": row.folded,
        "inserted": row.inserted,
        "surplus": row.surplus,
        row.verdict: bool(row.verdict) and not staged,
        "conflict": row.conflict,
        "long": look.view == "cells" and len(text) > LONG,
    }
    names = " ".join(["cell", *(name for name, on in flags.items() if on)])
    return Cell(row.pos, row.slot, text, names)


def cells(snapshot: Snapshot, look: Look) -> list[Cell]:
    """The cells after the prompt; with open or filled places within it, the prompt's cells too."""
    staged = snapshot["staged"].get("selections", {})
    shown = shown_rows(snapshot)
    drawn = with_folds(shown, look.pos) if look.folds else shown
    return [cell(row, look, staged.get(str(row.pos))) for row in drawn]


def shown_rows(snapshot: Snapshot) -> list[Row]:
    """The rows that have a cell."""
    found, start = rows(snapshot), snapshot["session"]["prompt_length"]
    infilling = any(not row.prompt for row in found[:start])
    return found if infilling else [row for row in found if not row.prompt]
