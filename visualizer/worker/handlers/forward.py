"""Forward passes over the state that is looked at."""

from __future__ import annotations

from typing import Any

from inference.engine.canvas import Canvas
from visualizer.models import Session
from visualizer.probability import ProbabilitySettings
from visualizer.selectors import StateRef, head_of, state_at
from visualizer.selectors.results import forward_result
from visualizer.services.forwards import keep_forward
from visualizer.services.sessions import remember_settings
from visualizer.worker import distributions
from visualizer.worker.distributions import Passed
from visualizer.worker.jobs import Job, Write


def forward_pass(job: Job) -> Write:
    """forward_pass_result of the current state; the distribution is kept for what follows."""
    session, message = job.session, job.message
    ref = head_of(session)
    canvas = state_at(session, ref)
    passed = distributions.forward(session, canvas)
    chosen = message.model_dump(include=set(ProbabilitySettings.model_fields))
    settings = ProbabilitySettings(**chosen)

    def write() -> dict[str, Any]:
        keep_forward(
            session=session,
            ref=ref,
            data=passed.data,
            summary=passed.summary,
            settings=chosen,
        )
        remember_settings(session=session, settings=chosen)
        reply = forward_reply(job, session, ref, canvas, passed, settings)
        return {**reply, **_notice(session, message.gen_length)}

    return write


def forward_reply(
    job: Job,
    session: Session,
    ref: StateRef,
    canvas: Canvas,
    passed: Passed,
    settings: ProbabilitySettings,
) -> dict[str, Any]:
    """The forward_pass_result message; for pages without the result itself."""
    wanted = getattr(job.message, "positions", None)
    raw = job.message.include_raw_logits
    result = (
        {}
        if job.brief
        else {
            "result": forward_result(
                session, canvas, passed.view, settings, ref.number, wanted, raw
            )
        }
    )
    return {
        "type": "forward_pass_result",
        "session_id": str(session.pk),
        "branch": ref.branch,
        "step": ref.number,
        **result,
        "cached": passed.summary["cached"],
        "ms": passed.summary["ms"],
    }


def _notice(session: Session, gen_length: int | None) -> dict[str, str]:
    """forward_pass may name a length; what counts is the session's, and the reply says so."""
    if gen_length is None or gen_length == session.gen_length:
        return {}
    return {
        "notice": f"gen_length {gen_length} was not used: this session has {session.gen_length}. "
        "Initialize again to change it."
    }
