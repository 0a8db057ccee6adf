"""What a client makes of events: a snapshot and the events after it give the next snapshot.

It is written against the payloads alone, as a client in any language would be.
"""

from __future__ import annotations

import copy
from typing import Any

State = dict[str, Any]


def reduce(state: State, number: int, type: str, payload: dict[str, Any]) -> State:
    """The state after one event; events must come without gaps."""
    assert number == state["number"] + 1
    state = {**copy.deepcopy(state), "number": number}
    _REDUCERS[type](state, payload)
    return state


def _session(state: State, payload: dict[str, Any]) -> None:
    state["session"].update(payload)


def _branch(state: State, payload: dict[str, Any]) -> None:
    for branch in state["branches"]:
        if branch["id"] == payload["id"]:
            branch.update(payload)
            return
    state["branches"].append({**payload, "steps": 0})


def _step(state: State, payload: dict[str, Any]) -> None:
    for branch in state["branches"]:
        if branch["id"] == payload["branch"]:
            branch["steps"] = payload["number"] - branch["fork_number"]
    state.setdefault("others", []).append(payload)


def _forward(state: State, payload: dict[str, Any]) -> None:
    state["kept"][payload["branch"], payload["number"]] = payload


def _head(state: State, payload: dict[str, Any]) -> None:
    state["head"] = {"branch": payload["branch"], "number": payload["number"]}


def _staged(state: State, payload: dict[str, Any]) -> None:
    state["staged"] = payload


def _note(state: State, payload: dict[str, Any]) -> None:
    place = (payload["branch"], payload["number"])
    kept = [row for row in state["notes"] if (row["branch"], row["number"]) != place]
    kept += [payload] if payload["text"] else []
    state["notes"] = sorted(kept, key=lambda row: (row["branch"], row["number"]))


def _run(state: State, payload: dict[str, Any]) -> None:
    state["run"] = payload


_REDUCERS = {
    "session": _session,
    "branch": _branch,
    "step": _step,
    "forward": _forward,
    "head": _head,
    "staged": _staged,
    "run": _run,
    "note": _note,
}


def opened(snapshot: State) -> State:
    """A snapshot as a client keeps it: all steps and forwards that it knows of, by place."""
    state = copy.deepcopy(snapshot)
    state["others"] = [
        {key: value for key, value in step.items() if key != "entropy"} for step in state["steps"]
    ]
    forwards = state.pop("forwards").values()
    state["kept"] = {(row["branch"], row["number"]): row for row in forwards}
    return state


def closed(state: State, start: list[list[Any]]) -> State:
    """The snapshot that the client's knowledge amounts to, from the slots of step 0."""
    path = _path(state)
    steps = [s for s in state["others"] if s["number"] in path.get(s["branch"], ())]
    steps.sort(key=lambda step: step["number"])
    root = next(b["id"] for b in state["branches"] if b["parent"] is None)
    forwards = {
        str(number): row
        for (branch, number), row in sorted(state["kept"].items(), key=lambda item: item[0][1])
        if number in path.get(branch, ()) or (branch, number) == (root, 0)
    }
    slots, commits = _replayed(steps, state["head"]["number"], start, state)
    entropy = {int(number): row["entropy"] for number, row in forwards.items()}
    known = ("t", "number", "session", "branches", "head", "staged", "run", "notes")
    return {
        **{key: state[key] for key in known},
        "slots": slots,
        "commits": commits,
        "steps": [{**step, "entropy": entropy.get(step["number"])} for step in steps],
        "heat": {number: row["heat"] for number, row in forwards.items()},
        "forwards": forwards,
    }


def _path(state: State) -> dict[int, range]:
    branches = {branch["id"]: branch for branch in state["branches"]}
    branch = branches[state["head"]["branch"]]
    last, path = branch["fork_number"] + branch["steps"], {}
    while True:
        first = branch["fork_number"] + 1 if branch["parent"] else 1
        path[branch["id"]] = range(first, last + 1)
        if not branch["parent"]:
            return path
        last = min(last, branch["fork_number"])
        branch = branches[branch["parent"]]


def _replayed(
    steps: list[State], number: int, start: list[list[Any]], state: State
) -> tuple[list[list[Any]], dict[str, list[Any]]]:
    slots, commits = copy.deepcopy(start), {}
    mask = next((s[1:3] for s in start if s[1] == state["session"]["mask_id"]), [])
    for step in steps:
        for op in step["ops"] if step["number"] <= number else []:
            slot = next(s for s in slots if s[0] == op["slot"])
            if op["op"] in ("commit", "edit"):
                slot[1:4] = [op["token"], op["label"], op["by"]]
                commits[str(op["slot"])] = [step["number"], op["p"]]
            elif op["op"] == "remask":
                slot[1:4] = [*mask, ""]
                commits.pop(str(op["slot"]), None)
            else:
                slot[5] = int(op["op"] == "lock")
    return slots, commits
