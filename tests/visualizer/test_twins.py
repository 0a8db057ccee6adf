"""Rules that stand in Python and in JavaScript: this side of the shared tables.

tests/js/twins.test.js holds the modules of static/js to the same cases.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference.engine.canvas import Canvas
from inference.errors import ERROR_TYPES, reference_of
from tests.visualizer.reducer import closed, opened, reduce
from visualizer.selectors.measures import kendall
from visualizer.views.buttons import REASONS, Situation, buttons
from visualizer.views.cells import Look, Row, cell, shown_rows, with_folds
from visualizer.views.status import status_line
from visualizer.views.tokens import cell_text, glyphs, is_special, percent

TABLES = Path(__file__).resolve().parents[1] / "data" / "twins"
MASK = 9


def cases(name: str) -> list[Any]:
    """The rows of a table, named by what they are about."""
    rows = json.loads((TABLES / f"{name}.json").read_text(encoding="utf-8"))
    return [pytest.param(row, id=str(row.get("what", at))) for at, row in enumerate(rows)]


@pytest.mark.parametrize("case", cases("text"))
def test_texts(case: dict[str, Any]) -> None:
    text = case["text"]
    assert (glyphs(text), cell_text(text)) == (case["glyphs"], case["cell"])
    assert is_special(text) is case["special"]


@pytest.mark.parametrize("case", cases("percent"))
def test_percents(case: dict[str, Any]) -> None:
    assert percent(case["probability"]) == case["text"]


@pytest.mark.parametrize("case", cases("references"))
def test_references(case: dict[str, Any]) -> None:
    shape = {"error_type": case["error_type"], "correlation_id": "c0ffee"}
    assert reference_of(shape) == case["reference"]


def test_every_type_of_error_is_told_in_the_table() -> None:
    rows = json.loads((TABLES / "references.json").read_text(encoding="utf-8"))
    assert [row["error_type"] for row in rows] == list(ERROR_TYPES)


@pytest.mark.parametrize("case", cases("actions"))
def test_actions(case: dict[str, Any]) -> None:
    told = {action.name: reason for action, reason in buttons(Situation(**case["now"]))}
    assert told == {name: REASONS[key] if key else "" for name, key in case["blockers"].items()}


@pytest.mark.parametrize("case", cases("cells"))
def test_cells(case: dict[str, Any]) -> None:
    view = {"number": 0, "tip": 0, "mode": "cells", "colour": "confidence"} | case["view"]
    look = Look(view["number"], view["tip"], view["mode"], view["colour"])
    staged = {"label": view["staged"]} if "staged" in view else None
    drawn = cell(row_of(case["row"]), look, staged)
    assert (drawn.text, drawn.names) == (case["text"], case["names"])


def row_of(given: dict[str, Any]) -> Row:
    plain = {"label": "", "by": "", "p": None, "step": 0}
    flags = dict.fromkeys(("prompt", "locked", "masked", "idle", "again", "special"), False)
    return Row(**{"pos": 0, "slot": 0} | plain | flags | given)


@pytest.mark.parametrize("case", cases("rows"))
def test_rows(case: dict[str, Any]) -> None:
    names = case["rows"][0]
    drawn = with_folds(shown_rows(snapshot_of(case)), case.get("open"))
    found = [{name: getattr(row, name) for name in names} for row in drawn]
    for row in found:
        row["label"] = "" if row["masked"] else row["label"]
    assert found == case["rows"]


def snapshot_of(case: dict[str, Any]) -> dict[str, Any]:
    """What a server says of the steps of a case."""
    session, given = case["session"], {slot: token for slot, token, _ in case["given"]}
    prompt = [given.get(slot, MASK) for slot in range(session["prompt_length"])]
    canvas = Canvas.start(prompt, session["gen_length"], MASK)
    labels, commits = {slot: label for slot, _, label in case["given"]}, {}
    for step in case["steps"]:
        canvas = canvas.apply(step["ops"])
        for op in step["ops"]:
            labels[op["slot"]] = op.get("label", "")
            if op["op"] in ("commit", "edit"):
                commits[str(op["slot"])] = [step["number"], op["p"]]
            elif op["op"] == "remask":
                commits.pop(str(op["slot"]))
    slots = [
        [s.id, s.token, labels.get(s.id, ""), s.by, int(s.prompt), int(s.locked)] + [1] * s.surplus
        for s in canvas.slots
    ]
    return {"session": session, "commits": commits, "slots": slots, "staged": {}}


def _forward(case: dict[str, Any]) -> dict[str, Any]:
    return {"thinned": True} if case.get("thinned") else {}


@pytest.mark.parametrize("case", cases("status"))
def test_status(case: dict[str, Any]) -> None:
    step = case["step"]
    ops = [operation(name) for name in step["ops"]] if step else []
    judged = ["right"] * case.get("right", 0) + ["wrong"] * case.get("wrong", 0)
    expected = {str(case["masked"] + n): {"right": "a"}.get(w, "b") for n, w in enumerate(judged)}
    snapshot: dict[str, Any] = {
        "session": {
            "mask_id": MASK,
            "prompt_length": 0,
            "gen_length": case["total"],
            "block_length": 8,
            "answer": {"expected": expected, "groups": []},
        },
        "slots": [
            [slot, MASK if slot < case["masked"] else 0, "a", "", 0, 0]
            for slot in range(case["total"])
        ],
        "run": {"status": case["run"]} if case["run"] else None,
        "commits": {},
        "steps": [{"number": case["shown"], "ms": step["ms"], "ops": ops}] if step else [],
        "forwards": {str(case["shown"]): _forward(case)} if case["pass"] else {},
    }
    look = Look(case["shown"], case["tip"])
    assert status_line(snapshot, look, case["read_only"]) == case["text"]


def operation(name: str) -> dict[str, Any]:
    """An operation about two places; "surplus" inserts them to fill up a block."""
    made = {"op": "insert" if name == "surplus" else name, "new": [1, 2]}
    return made | ({"surplus": True} if name == "surplus" else {})


@pytest.mark.parametrize("case", cases("kendall"))
def test_kendall(case: dict[str, Any]) -> None:
    pairs = np.asarray(case["pairs"]).reshape(-1, 2)
    assert kendall(pairs[:, 0], pairs[:, 1]) == pytest.approx(case["tau"], abs=1e-4)


@pytest.mark.parametrize("case", cases("reducer"))
def test_reducer(case: dict[str, Any]) -> None:
    state = opened(case["snapshot"])
    for event in case["events"]:
        state = reduce(state, **event)
    assert closed(state, case["snapshot"]["slots"]) == case["fresh"]
