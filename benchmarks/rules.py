"""Decoding rules on the shipped model that denoises: how good its answers are, and at which pace.

The thirty questions of its card, judged by the model that it was made of. A rule that writes more
in a step has to be compared with one that is as quick: the pace is what came out, ends counted out.
"""

from __future__ import annotations

from benchmarks.real import SLUG, TWIN
from inference.engine import checkpoint
from inference.engine.causal.engine import CausalEngine
from inference.engine.training.adaptation.evaluation import Measured, measured, twin_answers
from inference.engine.training.adaptation.questions import QUESTIONS
from inference.engine.training.adaptation.ways import Way, surest, way_of
from inference.packages import PACKAGED, path_of

BLOCK = 8
END = {"stop_at_end": True}
WAYS: dict[str, Way] = {
    "one a step, of least entropy": way_of(1, BLOCK),
    "one a step, the surest": surest(1),
    "one a step, from the left": Way("sdar/sequential", {"tokens_per_step": 1}),
    "two a step, the second knowing the first": way_of(2, BLOCK),
    "two a step, of four that are tried": Way("pairs/blocks", {"draft_width": 4}),
    "two a step, the surest": surest(2),
    "two a step, of least entropy": Way(
        "rank/low_entropy", {"tokens_per_step": 2, "block_length": BLOCK}
    ),
    "two a step, from the left": Way("sdar/sequential", {"tokens_per_step": 2}),
    "all above 0.4": Way("llada2/threshold", {"threshold": 0.4, "tokens_per_step": 1}),
    "all above 0.3": Way("llada2/threshold", {"threshold": 0.3, "tokens_per_step": 1}),
    "best of each run of masks, or above 0.5": Way(
        "dinfer/hierarchy", {"threshold": 0.5, "low_threshold": 0.0, "block_length": BLOCK}
    ),
    "best of each run of masks, or above 0.4": Way(
        "dinfer/hierarchy", {"threshold": 0.4, "low_threshold": 0.0, "block_length": BLOCK}
    ),
    "one a step, with edits": Way(
        "llada2/edit",
        {"threshold": 1.0, "edit_threshold": 0.5, "tokens_per_step": 1, "max_post_steps": 2},
    ),
    "two a step, with edits": Way(
        "llada2/edit",
        {"threshold": 1.0, "edit_threshold": 0.5, "tokens_per_step": 2, "max_post_steps": 1},
    ),
    "drafts checked in the same step": Way(
        "freedave/blocks", {"draft_steps": 4, "tokens_per_step": 1, "draft_by": "number"}
    ),
}


def measure(count: int = len(QUESTIONS)) -> list[str]:
    """A line for each rule, over the first `count` questions."""
    path = path_of(SLUG)
    if path is None:
        return [f"not measured: `{PACKAGED[SLUG].command}` brings the model"]
    engine, twin = CausalEngine(checkpoint.load(path)), checkpoint.load(TWIN)
    questions = [question for question, _ in QUESTIONS][:count]
    lines = [f"{count} questions, judged by {SLUG}"]
    for name, way in WAYS.items():
        ended = way if way.recipe.startswith("freedave") else _ended(way)
        lines.append(_line(name, measured(engine, twin_answers(twin, questions, ended))))
    return lines


def _ended(way: Way) -> Way:
    """Without the steps that would fill what stands behind the end."""
    return Way(way.recipe, {**way.parameters, **END})


def _line(name: str, found: Measured) -> str:
    nats = "-" if found.nats is None else f"{found.nats:.2f}"
    return (
        f"  {name:<42} {found.right:>2} right, {nats} nats a token, {found.distinct:.2f} distinct,"
        f" {found.tokens_per_step:.2f} tokens a step"
    )
