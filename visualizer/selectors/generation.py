"""The GenerationState and ForwardPassResult of the JSON protocol."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inference.engine.canvas import Canvas
from visualizer.models import Session
from visualizer.probability import ProbabilitySettings
from visualizer.selectors.candidates import candidates_of, settings_from, view_of
from visualizer.selectors.history import StateRef, digest_at, head_of, state_at
from visualizer.selectors.labels import Labels, labels_for
from visualizer.selectors.sizes import most_candidates

Candidates = Mapping[int, list[dict[str, Any]]]


def blocks(session: Session, canvas: Canvas) -> tuple[int, int, int]:
    """(index, start, length) of the block in work: the first that still holds a mask.

    Blocks are counted from the end of the prompt; in a finished canvas the last one counts.
    """
    length = session.block_length
    last = max(len(canvas) - 1, canvas.prompt_length)
    first = next((p for p in canvas.open_positions if p >= canvas.prompt_length), last)
    open_prompt = bool(canvas.open_positions) and canvas.open_positions[0] < canvas.prompt_length
    index = 0 if open_prompt else (first - canvas.prompt_length) // length
    return index, canvas.prompt_length + index * length, length


def open_in_block(session: Session, canvas: Canvas) -> list[int]:
    """The open, unlocked positions that a choice may take: those of the block in work.

    Masks inside the prompt (infilling) belong to the first block.
    """
    _, start, length = blocks(session, canvas)
    first = 0 if start == canvas.prompt_length else start
    return [
        p
        for p in canvas.open_positions
        if first <= p < start + length and not canvas.slots[p].locked
    ]


def positions_of(
    session: Session,
    canvas: Canvas,
    labels: Labels,
    settings: ProbabilitySettings,
    candidates: Candidates,
    window: tuple[int, int] | None = None,
) -> list[dict[str, Any]]:
    """One object for each position, with the fields of both structures."""
    start, length = canvas.prompt_length, session.block_length
    first, last = window or (0, len(canvas))
    return [
        {
            "position": position,
            "slot": slot.id,
            "current_token": labels(slot.token),
            "current_token_id": slot.token,
            "is_masked": slot.token == canvas.mask_id,
            "is_prompt": slot.prompt,
            "is_locked": slot.locked,
            "is_surplus": slot.surplus,
            "is_block_boundary": position >= start and (position - start) % length == 0,
            "actual_top_k": settings.actual_top_k,
            "candidates": candidates.get(position, []),
        }
        for position, slot in enumerate(canvas.slots[first:last], first)
    ]


def kept_candidates(
    session: Session, ref: StateRef, labels: Labels, settings: ProbabilitySettings
) -> Candidates:
    """The candidates of a state whose forward pass was kept; none otherwise."""
    digest = digest_at(session, ref)
    if digest is None:
        return {}
    view = view_of(digest)
    k = most_candidates(len(view.positions), settings.visual_top_k)
    return candidates_of(view, settings, labels, k, noise_seed(session, ref.number))


def noise_seed(session: Session, number: int) -> int:
    """The seed of the noise over the forward pass after a step: a function of session and step."""
    return (session.seed * 1_000_003 + number) % 2**63


def generation_state(
    session: Session, ref: StateRef | None = None, canvas: Canvas | None = None
) -> dict[str, Any]:
    """The GenerationState of a state, the head by default."""
    ref = ref or head_of(session)
    canvas = state_at(session, ref) if canvas is None else canvas
    labels, settings = labels_for(session), settings_from(session.settings)
    index, start, length = blocks(session, canvas)
    candidates = kept_candidates(session, ref, labels, settings)
    decoded = labels.decode(canvas.tokens)
    return {
        "session_id": str(session.pk),
        "branch": ref.branch,
        "step": ref.number,
        "block": index,
        "block_start": start,
        "block_length": length,
        "gen_length": len(canvas) - canvas.prompt_length,
        "prompt_length": canvas.prompt_length,
        "token_ids": canvas.tokens,
        "tokens": [labels(token) for token in canvas.tokens],
        "text": decoded.text,
        "text_spans": [list(span) for span in decoded.spans],
        "positions": positions_of(session, canvas, labels, settings, candidates),
        "selected_positions": selected(canvas),
    }


def selected(canvas: Canvas) -> dict[str, int]:
    """Position → token of everything that was applied so far."""
    return {
        str(position): slot.token
        for position, slot in enumerate(canvas.slots)
        if not slot.prompt and slot.token != canvas.mask_id
    }


def state_update(
    session: Session, brief: bool = False, canvas: Canvas | None = None, **more: Any
) -> dict[str, Any]:
    """The state_update message for the head; without the state itself if `brief`.

    `canvas` is the head's, if it is at hand; else history is folded for it.
    """
    ref = head_of(session)
    canvas = state_at(session, ref) if canvas is None else canvas
    if brief:
        state: dict[str, Any] = {"branch": ref.branch, "step": ref.number}
    else:
        state = {"state": generation_state(session, ref, canvas)}
    return {"type": "state_update", **state, "is_complete": canvas.is_complete, **more}
