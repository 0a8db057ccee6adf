"""Two lines of steps side by side: where they agree, where they part, what each one cost."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import Any, NamedTuple
from uuid import UUID

from inference.engine.canvas import Slot
from inference.errors import UnmaskError
from visualizer.models import Branch, Session
from visualizer.selectors.generated_text import generated_text
from visualizer.selectors.history import StateRef, tip
from visualizer.selectors.labels import Labels, labels_for
from visualizer.selectors.measures import History, history_of, measures
from visualizer.selectors.readers import Reader, session_read_by
from visualizer.selectors.scores import score_of
from visualizer.selectors.sessions import branch_for

STATES = ("same", "different", "masked", "missing")


class Side(NamedTuple):
    """One of the things that are compared: a state of a session."""

    session: Session
    ref: StateRef


def side_for(
    reader: Reader, session_id: UUID | str, branch: int | None = None, number: int | None = None
) -> Side:
    """A state of a session that the reader sees; its head's branch and that one's end by default.

    Raises UnmaskError: not_found for strangers, validation beyond the end of the branch.
    """
    session = session_read_by(reader, session_id)
    row = branch_for(session, branch if branch is not None else session.head_branch_id or 0)
    last = tip(row)
    if number is not None and number > last:
        raise UnmaskError("validation", f"step must be at most {last} on this branch.", "step")
    return Side(session, StateRef(row.pk, last if number is None else number))


def compare_branches(a: Side, b: Side) -> dict[str, Any]:
    """Token by token and as a whole. Slots are aligned by their ids, prompts are left out.

    `agreement` is the share of positions where both sides hold the same token. Raises UnmaskError
    (validation) for sessions that did not start from the same canvas.
    """
    check_same_canvas(a.session, b.session)
    first, second = history_of(*a), history_of(*b)
    rows = _aligned(first, second)
    counts = {name: sum(row["state"] == name for row in rows) for name in STATES}
    return {
        "sides": [_told(side) for side in (first, second)],
        "positions": rows,
        "counts": counts,
        "agreement": round(counts["same"] / len(rows), 4) if rows else None,
        "first_divergence": first_divergence(first, second),
        "parameters": differing(first, second),
        "words": words_of(first, second),
    }


def check_same_canvas(a: Session, b: Session) -> None:
    """Raises UnmaskError unless both began with the same tokens of the same vocabulary."""
    if unlike(a, b):
        raise UnmaskError(
            "validation",
            "These sessions began with different canvases. Compare sessions that have the same "
            "prompt, length and vocabulary.",
        )


def unlike(a: Session, b: Session) -> list[str]:
    """In what the canvases that two sessions began with differ; empty if they can be aligned."""
    one, two = _start(a), _start(b)
    return [name for name in one if one[name] != two[name]]


def _start(session: Session) -> dict[str, Any]:
    return {
        "prompt": session.prompt_ids,
        "length": session.gen_length,
        "vocabulary": (session.mask_id, session.model.vocabulary_id),
    }


def _told(history: History) -> dict[str, Any]:
    branch = Branch.objects.get(pk=history.ref.branch)
    return {
        "session_id": str(history.session.pk),
        "title": history.session.title,
        "branch": branch.pk,
        "name": branch.name,
        "number": history.ref.number,
        "settings": settings_of(history),
        **measures(history),
        "score": score_of(history.session, history.canvas),
    }


def _aligned(first: History, second: History) -> list[dict[str, Any]]:
    """One row for each slot that either side may write, in the order of the first side."""
    sides = [(side, {slot.id: slot for slot in side.canvas.slots}) for side in (first, second)]
    ids = dict.fromkeys(
        slot.id for side in (first, second) for slot in side.canvas.slots if not slot.prompt
    )
    return [_row(id, sides) for id in ids]


def _row(id: int, sides: list[tuple[History, dict[int, Slot]]]) -> dict[str, Any]:
    slots = [slots.get(id) for _, slots in sides]
    return {
        "slot": id,
        "positions": [side.canvas.position_of.get(id) for side, _ in sides],
        "state": _state(slots, sides[0][0].canvas.mask_id),
        "tokens": [_cell(slot, side) for slot, (side, _) in zip(slots, sides, strict=True)],
    }


def _state(slots: list[Slot | None], mask: int) -> str:
    tokens = [slot.token for slot in slots if slot is not None]
    if len(tokens) < 2:
        return "missing"
    if mask in tokens:
        return "masked"
    return "same" if tokens[0] == tokens[1] else "different"


def _cell(slot: Slot | None, history: History) -> dict[str, Any] | None:
    if slot is None:
        return None
    commit = history.commits.get(slot.id)
    return {
        "token_id": slot.token,
        "token": _labels(history)(slot.token),
        "by": slot.by,
        "step": commit.step if commit else None,
        "p": commit.p if commit else None,
    }


def _labels(history: History) -> Labels:
    return labels_for(history.session)


def first_divergence(first: History, second: History) -> dict[str, int] | None:
    """The first step that wrote different things, and the leftmost position of the difference."""
    where = {**second.canvas.position_of, **first.canvas.position_of}
    one, two = _written(first), _written(second)
    for number in range(1, max(len(first.steps), len(second.steps)) + 1):
        differing = one.get(number, set()) ^ two.get(number, set())
        if differing:
            slot = min((slot for slot, *_ in differing), key=lambda slot: where.get(slot, slot))
            return {"step": number, "slot": slot, "position": where.get(slot, slot)}
    return None


def _written(history: History) -> dict[int, set[tuple[Any, ...]]]:
    return {
        step.number: {(op["slot"], op["op"], op.get("token")) for op in step.operations}
        for step in history.steps
    }


def settings_of(history: History) -> dict[str, Any]:
    """What the line was made with: the session's own values, the last recipe and its parameters."""
    session, last = history.session, history.steps[-1] if history.steps else None
    own = {"model": session.model.slug, "seed": session.seed, "gen_length": session.gen_length}
    recipe = {"block_length": session.block_length, "recipe": last.recipe if last else None}
    if last and last.run and last.run.seed is not None:
        own["seed"] = last.run.seed
    return {**own, **recipe, **(last.run.parameters if last and last.run else {})}


def differing(first: History, second: History) -> list[dict[str, Any]]:
    """The settings in which the sides differ; null where a side does not have one."""
    sides = [settings_of(first), settings_of(second)]
    return [
        {"name": name, "values": [side.get(name) for side in sides]}
        for name in sides[0] | sides[1]
        if sides[0].get(name) != sides[1].get(name)
    ]


def words_of(first: History, second: History) -> list[dict[str, Any]]:
    """The texts by words: runs of equal, replaced, deleted and inserted words."""
    one, two = (generated_text(side.session, side.canvas).split() for side in (first, second))
    match = SequenceMatcher(None, one, two, autojunk=False)
    return [
        {"op": op, "words": [" ".join(one[i1:i2]), " ".join(two[j1:j2])]}
        for op, i1, i2, j1, j2 in match.get_opcodes()
    ]
