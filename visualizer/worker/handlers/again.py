"""Beginning again at an older state: a run repeated under other settings, a token chosen anew."""

from __future__ import annotations

from typing import Any

from core.worker.executor import Write
from inference.catalog import DEFAULT_RECIPE
from inference.engine.canvas import Canvas
from inference.errors import UnmaskError
from visualizer.commands.requests import Request
from visualizer.models import Branch, Run, Session
from visualizer.selectors import StateRef, branch_for, head_of, state_update
from visualizer.selectors.history import check_ref
from visualizer.selectors.run_names import run_name
from visualizer.services.heads import rewind
from visualizer.services.runs import Wanted, start_run
from visualizer.worker.handlers.apply import write_picks
from visualizer.worker.handlers.run import asked_of, open_canvas, queued
from visualizer.worker.run_parameters import prepared

SEEDS = 2**63
"""Seeds are below this one."""


def run_again(request: Request) -> Write:
    """runs_queued: runs from where the branch's last one began; the page goes to the first."""
    session = request.session
    former = _last_run(session, request.message.branch)
    ref = StateRef(former.branch_id, former.first_step - 1)
    wanted = _wanted(session, former, ref, request.message)

    def write() -> dict[str, Any]:
        reply = queued(session, ref, wanted)
        rewind(session=session, ref=StateRef(reply["branches"][0]["id"], ref.number))
        return reply

    return write


def _last_run(session: Session, branch: int | None) -> Run:
    row = branch_for(session, head_of(session).branch if branch is None else branch)
    run = run_behind(row)
    if run is None:
        raise UnmaskError("validation", "Nothing was run on this branch yet. Press Run.", "branch")
    return run


def run_behind(branch: Branch | None) -> Run | None:
    """The newest run of a branch, or of the nearest one that it grew from."""
    while branch is not None:
        run = Run.objects.filter(branch=branch).select_related("session").order_by("-id").first()
        if run is not None:
            return run
        branch = branch.parent
    return None


def _wanted(session: Session, former: Run, ref: StateRef, message: Any) -> list[Wanted]:
    """One run for each seed: the asked one and those after it."""
    recipe = message.recipe or former.recipe
    canvas = open_canvas(session, ref)
    if message.parameters is None and recipe == former.recipe and message.tokens_per_step is None:
        parameters = shown = former.parameters
    else:
        asked = message.parameters or {}
        parameters = prepared(session, canvas, recipe, asked, message.tokens_per_step)
        shown = asked_of(message.model_copy(update={"parameters": asked}))
    first = former.own_seed if message.seed is None else message.seed
    seeds = [(first + one) % SEEDS for one in range(message.times)]
    return [
        Wanted(recipe, parameters, run_name(recipe, shown, seed), seed, message.keep_settled)
        for seed in seeds
    ]


def choose(request: Request) -> Write:
    """state_update after one token was written at a state; the rest is run if asked for."""
    session, message = request.session, request.message
    branch = branch_for(session, message.branch or head_of(session).branch)
    ref = StateRef(branch.pk, message.step)
    check_ref(session, ref)

    def write() -> dict[str, Any]:
        rewind(session=session, ref=ref)
        after = write_picks(session, {message.position: message.token})
        if message.go_on and not after.is_complete:
            _go_on(session, branch, after, message)
        return state_update(session, request.brief, canvas=after)

    return write


def _go_on(session: Session, branch: Branch, canvas: Canvas, message: Any) -> None:
    """Run the rest: with the asked recipe, else as the branch was run."""
    recipe, parameters = message.recipe or DEFAULT_RECIPE, message.parameters
    pace = message.tokens_per_step
    former = run_behind(branch) if message.recipe is None else None
    if former is not None:
        recipe, parameters, pace = former.recipe, former.parameters, None
    made = prepared(session, canvas, recipe, parameters, pace)
    start_run(session=session, ref=head_of(session), recipe=recipe, parameters=made)
