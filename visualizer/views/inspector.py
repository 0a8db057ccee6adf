"""One position: its fact sheet and the candidates of the pass in which it was open."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from inference.engine.canvas import Canvas
from inference.engine.digest_view import DigestView
from visualizer.models import Session
from visualizer.selectors.candidates import candidates_of, settings_from
from visualizer.selectors.edit_tokens import choice_labels_for
from visualizer.selectors.generation import noise_seed
from visualizer.selectors.history import (
    StateRef,
    branches_of,
    digest_at,
    lost_at,
    state_at,
    steps_on,
)
from visualizer.selectors.labels import labels_for
from visualizer.selectors.position_stats import PositionStats, numbers_of

MORE = 100
LOST = "Its distribution is no longer kept; run a forward pass to see it again."


@dataclass(frozen=True, slots=True)
class Spot:
    """What is known of a position without its distribution."""

    pos: int
    label: str
    masked: bool
    locked: bool
    prompt: bool
    by: str
    step: int
    p: float | None
    block: int
    entropy: float | None = None
    margin: float | None = None


def inspector(session: Session, ref: StateRef, pos: int | None, k: int | None) -> dict[str, Any]:
    """Context of partials/inspector.html. An unknown position shows the empty panel."""
    canvas = state_at(session, ref)
    if pos is None or not 0 <= pos < len(canvas):
        return {"session": session, "spot": None}
    written, p = _written(session, ref, canvas.slots[pos].id)
    masked = canvas.slots[pos].token == canvas.mask_id
    asked = ref if masked else StateRef(ref.branch, max(0, written - 1))
    view = _view(session, asked)
    origin = pos if masked else _position_then(session, asked, canvas.slots[pos].id)
    spot = _spot(session, canvas, pos, written, p)
    context = {"session": session, "ref": ref, "spot": spot, "edits": can_edit(session)}
    if view is None or origin not in view.row_of:
        lost = view is None and lost_at(session, asked)
        return {**context, "nothing": LOST if lost else _why_nothing(spot, view)}
    return {**context, **_candidates(session, asked, view, spot, origin, k)}


def can_edit(session: Session) -> bool:
    """Whether places may come and go: the model knows tokens that expand or delete."""
    return bool(session.model.edit_ids)


def _view(session: Session, ref: StateRef) -> DigestView | None:
    digest = digest_at(session, ref)
    return DigestView.from_bytes(bytes(digest.data)) if digest else None


def _written(session: Session, ref: StateRef, slot: int) -> tuple[int, float | None]:
    """Step and probability of the slot's last writing (0 if it has none)."""
    steps = steps_on(branches_of(session), ref).values_list("number", "operations")
    for number, operations in reversed(steps):
        for operation in operations:
            if operation["slot"] == slot and operation["op"] in ("commit", "edit"):
                return number, operation.get("p")
    return 0, None


def _position_then(session: Session, ref: StateRef, slot: int) -> int:
    return state_at(session, ref).position_of.get(slot, -1)


def _spot(session: Session, canvas: Canvas, pos: int, step: int, p: float | None) -> Spot:
    slot, start = canvas.slots[pos], canvas.prompt_length
    return Spot(
        pos=pos,
        label=labels_for(session)(slot.token),
        masked=slot.token == canvas.mask_id,
        locked=slot.locked,
        prompt=slot.prompt,
        by=slot.by,
        step=step,
        p=p,
        block=max(0, pos - start) // session.block_length,
    )


def _why_nothing(spot: Spot, view: DigestView | None) -> str:
    if spot.prompt:
        return "This position belongs to the prompt."
    if not spot.masked:
        return "It was written without a forward pass, so there is nothing to compare it with."
    if view is None:
        return "No forward pass has been run at this step yet. Press Forward pass (F)."
    return "The last forward pass did not look at this position."


def _candidates(
    session: Session, ref: StateRef, view: DigestView, spot: Spot, origin: int, k: int | None
) -> dict[str, Any]:
    settings = settings_from(session.settings)
    count, row = k or settings.visual_top_k, view.row_of[origin]
    found = candidates_of(
        view, settings, choice_labels_for(session), count, noise_seed(session, ref.number)
    )[origin]
    widest = found[0]["prob"] or 1.0
    limits = f"top-k {settings.actual_top_k}"
    limits += f", top-p {settings.top_p:g}" if settings.top_p < 1 else ""
    staged = session.staged.get("selections", {}).get(str(spot.pos), {}).get("token")
    chosen = staged if spot.masked else _token(spot, found)
    rows = [_row(candidate, widest, chosen, limits) for candidate in found]
    _mark_first_excluded(rows)
    return {
        "spot": _with_numbers(spot, numbers_of(session, view, ref.number), row),
        "candidates": rows,
        "selectable": sum(candidate["is_in_actual"] for candidate in found),
        "limits": limits,
        "source": StateRef(ref.branch, ref.number),
        "origin": origin,
        **_more(spot, count, view),
    }


def _token(spot: Spot, found: list[dict[str, Any]]) -> int | None:
    return next((c["token_id"] for c in found if c["token"] == spot.label), None)


def _row(
    candidate: dict[str, Any], widest: float, chosen: int | None, limits: str
) -> dict[str, Any]:
    inside = candidate["is_in_actual"]
    return {
        "token_id": candidate["token_id"],
        "label": candidate["token"],
        "prob": candidate["prob"],
        "logit": candidate["logit"],
        "inside": inside,
        "reason": "" if inside else f"outside {limits}",
        "width": f"{100 * candidate['prob'] / widest:.1f}",
        "chosen": candidate["token_id"] == chosen,
        "first_excluded": False,
    }


def _mark_first_excluded(rows: list[dict[str, Any]]) -> None:
    first = next((row for row in rows if not row["inside"]), None)
    if first:
        first["first_excluded"] = True


def _with_numbers(spot: Spot, numbers: PositionStats, row: int) -> Spot:
    entropy, margin = float(numbers.entropy[row]), float(numbers.margin[row])
    return replace(spot, entropy=entropy, margin=margin)


def _more(spot: Spot, count: int, view: DigestView) -> dict[str, Any]:
    most = min(MORE, view.ids.shape[1])
    return {} if count >= most or not spot.masked else {"more": most}
