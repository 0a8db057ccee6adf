"""Numbers of a line's forward passes under the settings that its session has now.

A pass is summed up under the settings of its time. Once temperature or noise are others, its kept
distribution gives the numbers anew, so that all steps of a line are told at one temperature.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from inference.engine.canvas import Canvas, fold
from visualizer.models import Digest, Session
from visualizer.probability import ProbabilitySettings
from visualizer.selectors.candidates import has_noise, settings_from, view_of
from visualizer.selectors.history import StateRef, branches_of, digests_on, start_of, steps_on
from visualizer.selectors.position_stats import numbers_of, summary_of

ROOM = 8192
"""Positions that are worked on at once: some hundred milliseconds."""


class Renewed(NamedTuple):
    """Step → {open, heat, entropy} of passes of other settings; `after`: where to go on."""

    passes: dict[int, dict[str, Any]]
    after: int | None


def has_others(session: Session, ref: StateRef) -> bool:
    """Whether a pass up to a state was summed up under other settings than the session's."""
    return bool(_others(session, ref))


def renewed(session: Session, ref: StateRef, after: int = -1, room: int | None = ROOM) -> Renewed:
    """The passes up to a state, above step `after`, that were summed up under other settings.

    They come in the order of their steps, as many as `room` positions hold and one at least;
    None: all. Passes whose distribution is not kept any more stay as they are.
    """
    rows = [(pk, number) for pk, number in _others(session, ref) if number > after]
    passes: dict[int, dict[str, Any]] = {}
    for (pk, number), canvas in zip(rows, _states(session, ref, rows), strict=True):
        view = view_of(Digest.objects.get(pk=pk))
        passes[number] = summary_of(numbers_of(session, view, number), canvas)
        room = None if room is None else room - len(canvas)
        if room is not None and room <= 0 and number != rows[-1][1]:
            return Renewed(passes, number)
    return Renewed(passes, None)


def told_now(session: Session, ref: StateRef, snapshot: dict[str, Any]) -> dict[str, Any]:
    """A snapshot whose passes, of all of them that fit into `ROOM`, have the numbers of now."""
    found = {str(number): row for number, row in renewed(session, ref).passes.items()}
    forwards = {
        number: {**row, **found.get(number, {})} for number, row in snapshot["forwards"].items()
    }
    heat = {number: row.get("heat", "") for number, row in forwards.items()}
    entropy = {number: row.get("entropy") for number, row in forwards.items()}
    steps = [{**step, "entropy": entropy.get(str(step["number"]))} for step in snapshot["steps"]]
    return {**snapshot, "forwards": forwards, "heat": heat, "steps": steps}


def _others(session: Session, ref: StateRef) -> list[tuple[int, int]]:
    """(row, step) of kept passes under other settings, by step."""
    now = _deciding(session.settings)
    rows = digests_on(branches_of(session), ref).exclude(data=b"")
    found = rows.values_list("pk", "number", "settings")
    return [(pk, number) for pk, number, settings in found if _deciding(settings) != now]


def _deciding(stored: dict[str, Any]) -> tuple[float, float]:
    """What of the settings decides over confidence and entropy: temperature and noise."""
    settings: ProbabilitySettings = settings_from(stored)
    noise = settings.gumbel_temperature if has_noise(settings) else 0.0
    return settings.softmax_temperature, noise


def _states(session: Session, ref: StateRef, rows: list[tuple[int, int]]) -> Any:
    """The canvas after each row's step, folded once along the line."""
    steps = list(steps_on(branches_of(session), ref)) if rows else []
    canvas: Canvas = start_of(session)
    for _, number in rows:
        upto = [step for step in steps if step.number <= number]
        steps = steps[len(upto) :]
        canvas = fold(canvas, (step.operations for step in upto))
        yield canvas
