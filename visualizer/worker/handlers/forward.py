"""Forward passes over the state that is looked at."""

from __future__ import annotations

from typing import Any

from core.worker.executor import Write
from inference.engine.canvas import Canvas
from visualizer.commands.requests import Request
from visualizer.models import Session
from visualizer.probability import ProbabilitySettings
from visualizer.selectors import StateRef, head_of, state_at
from visualizer.selectors.results import forward_result
from visualizer.services.forwards import keep_forward
from visualizer.services.sessions import remember_settings
from visualizer.worker import distributions
from visualizer.worker.distributions import Passed


def forward_pass(request: Request) -> Write:
    """forward_pass_result of the current state; the distribution is kept for what follows."""
    session, message = request.session, request.message
    ref = head_of(session)
    canvas = state_at(session, ref)
    chosen = message.model_dump(include=set(ProbabilitySettings.model_fields))
    settings = ProbabilitySettings(**chosen)
    passed = distributions.forward(session, canvas, settings, ref.number)

    def write() -> dict[str, Any]:
        keep_forward(
            session=session,
            ref=ref,
            data=passed.data,
            summary=passed.summary,
            settings=chosen,
        )
        remember_settings(session=session, settings=chosen)
        reply = forward_reply(request, session, ref, canvas, passed, settings)
        return {**reply, **_notice(session, message.gen_length)}

    return write


def forward_reply(
    request: Request,
    session: Session,
    ref: StateRef,
    canvas: Canvas,
    passed: Passed,
    settings: ProbabilitySettings,
) -> dict[str, Any]:
    """The forward_pass_result message; for pages without the result itself."""
    wanted = getattr(request.message, "positions", None)
    raw = request.message.include_raw_logits
    result = (
        {}
        if request.brief
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
