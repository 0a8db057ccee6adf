"""A recorded run against a recipe: what is run on what, and where the two part."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.loop import generate
from inference.engine.decoding.params import Params
from inference.engine.decoding.recipe import Recipe
from inference.engine.decoding.rng import one_generator
from inference.engine.decoding.step_result import StepResult
from inference.engine.parity.fixtures import Folder

Case = dict[str, Any]
Tokens = list[int]


@dataclass(frozen=True)
class Trial:
    """A recipe with the parameters of a recorded run.

    `spec` changes facts of the model (its block), `length` is the number of places behind the
    prompt where it is not that of the first recorded canvas. `roles` are the recorded evaluations
    that are steps here; the others (keys and values kept anew) change no token. `tail`: how a
    recorded canvas that is shorter than ours is to be completed. `unprotected`: so many tokens at
    the prompt's end may be overwritten.
    """

    recipe: Recipe
    params: Params
    spec: dict[str, Any] = field(default_factory=dict)
    length: int | None = None
    roles: tuple[str, ...] = ("denoise",)
    skip: int = 0
    unprotected: int = 0
    grows: bool = False
    recorded: Callable[[Case], list[Tokens]] | None = None


Build = Callable[[Case], Trial]


def check_trial(build: Build) -> Callable[[Folder, Case], list[str]]:
    """A check that compares the canvas after every step with the recorded one."""

    def run(folder: Folder, case: Case) -> list[str]:
        model = folder.model_for(case)
        trial = build(case)
        model = replace(model, spec=replace(model.spec, **trial.spec))
        return list(_faults(case, trial, _steps(model, case, trial)))

    return run


def _steps(model: LoadedModel, case: Case, trial: Trial) -> list[StepResult]:
    given = case["input_ids"][0][trial.skip :]
    length = trial.length
    if length is None:
        length = len(case["states"][0][0]) - len(given)
    canvas = Canvas.start(given, length, model.spec.mask_id or 0)
    canvas = _opened(canvas, len(given) - trial.unprotected, len(given))
    seed = case["seed"] or 0
    run = generate(model, canvas, trial.recipe, trial.params, seed, rng=one_generator(seed))
    return list(run)


def _opened(canvas: Canvas, start: int, end: int) -> Canvas:
    """The canvas with some tokens of the prompt as the run's own."""
    slots = enumerate(canvas.slots)
    own = [replace(slot, prompt=False) if start <= i < end else slot for i, slot in slots]
    return replace(canvas, slots=tuple(own))


def _faults(case: Case, trial: Trial, steps: Sequence[StepResult]) -> Iterator[str]:
    wanted = _wanted(case, trial)
    if len(steps) != len(wanted):
        yield f"{len(steps)} steps instead of {len(wanted)}"
    for number, (step, tokens) in enumerate(zip(steps, wanted, strict=False)):
        got = step.canvas.tokens
        if trial.grows:
            got = got[: len(tokens)]
        fault = difference(got, tokens)
        if fault:
            yield f"step {number}: {fault}"
            return


def _wanted(case: Case, trial: Trial) -> list[Tokens]:
    """The recorded canvases after each of our steps."""
    if trial.recorded is not None:
        return trial.recorded(case)
    return _grown(case, trial.skip) if trial.grows else recorded(case, trial.roles)


def recorded(case: Case, roles: tuple[str, ...]) -> list[Tokens]:
    """The canvases after the evaluations that count."""
    after = [state[0] for state in [*case["states"][1:], case["final"]]]
    names = case.get("roles") or ["denoise"] * len(after)
    return [tokens for name, tokens in zip(names, after, strict=True) if name in roles]


def _grown(case: Case, skip: int) -> list[Tokens]:
    """The canvases that an evaluation has written to, without what was skipped."""
    mask = case["special"]["mask_id"]
    rows = [state[0][skip:] for state in [*case["states"], case["final"]]]
    written = [[i for i, token in enumerate(row) if token != mask] for row in rows]
    pairs = zip(written, written[1:], rows[1:], strict=False)
    return [row for before, after, row in pairs if before != after]


def difference(got: Tokens, wanted: Tokens) -> str:
    """Where two canvases part; empty if nowhere."""
    if len(got) != len(wanted):
        return f"{len(got)} places instead of {len(wanted)}"
    pairs = enumerate(zip(got, wanted, strict=True))
    apart = [f"token {a} at place {i} instead of {b}" for i, (a, b) in pairs if a != b]
    return apart[0] if apart else ""


def params(case: Case, names: dict[str, str], **more: Any) -> Params:
    """Parameters by our names for theirs, from what the published code was given; null = unset."""
    given = case["params"]
    set_ones = [theirs for theirs in names if given.get(theirs) is not None]
    values = {names[theirs]: given[theirs] for theirs in set_ones}
    return Params(**{**values, **more})
