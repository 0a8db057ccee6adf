"""The same distribution under other settings: no forward pass."""

from __future__ import annotations

from typing import Any

from core.worker.executor import Write
from inference.errors import UnmaskError
from visualizer.commands.requests import Request
from visualizer.models import Digest, Session
from visualizer.selectors import StateRef, digest_at, head_of, labels_for, state_at
from visualizer.selectors.candidates import view_of
from visualizer.selectors.generation import noise_seed
from visualizer.selectors.history import has_passes
from visualizer.selectors.position_stats import numbers_of, summary_of
from visualizer.selectors.results import forward_result
from visualizer.services.forwards import sum_up_again
from visualizer.services.sessions import remember_settings
from visualizer.worker import raw_logits


def reprocess_probabilities(request: Request) -> Write:
    """reprocessed_probabilities_result over all positions, and where the logits came from.

    Logits of the client are worked on as they are and change nothing of the session.
    """
    if request.message.raw_logits:
        return _from_client(request)
    if request.message.raw_logits not in (None, []):
        raise raw_logits.invalid()
    return _from_digest(request)


def _from_client(request: Request) -> Write:
    settings, number = request.message.settings, head_of(request.session).number
    seed, labels = noise_seed(request.session, number), labels_for(request.session)
    positions = [
        {"position": row.position, "candidates": raw_logits.candidates(row, settings, labels, seed)}
        for row in raw_logits.read_rows(request.message.raw_logits)
    ]
    return lambda: _reply(request.session, {"positions": positions}, settings, "raw_logits")


def _from_digest(request: Request) -> Write:
    def write() -> dict[str, Any]:
        ref = head_of(request.session)
        digest = digest_at(request.session, ref)
        if digest is not None:
            return _of_pass(request, ref, digest)
        if not (request.brief and has_passes(request.session, ref)):
            raise UnmaskError("conflict", "No cached logits available. Run forward pass first.")
        # a page shows the earlier steps' passes, by the settings of the session
        remember_settings(session=request.session, settings=request.message.settings.model_dump())
        return _reply(request.session, {}, request.message.settings, "digest")

    return write


def _of_pass(request: Request, ref: StateRef, digest: Digest) -> dict[str, Any]:
    """The pass over the head's state, under the message's settings, which stay the session's."""
    session, settings = request.session, request.message.settings
    view, canvas = view_of(digest), state_at(session, ref)
    wanted = (request.message.positions, request.message.include_raw_logits)
    result = (
        {}
        if request.brief
        else forward_result(session, canvas, view, settings, ref.number, *wanted)
    )
    remember_settings(session=session, settings=settings.model_dump())
    numbers = numbers_of(session, view, ref.number)
    sum_up_again(session=session, digest=digest, found=summary_of(numbers, canvas))
    return _reply(session, result, settings, "digest")


def _reply(session: Session, result: dict[str, Any], settings: Any, source: str) -> dict[str, Any]:
    return {
        "type": "reprocessed_probabilities_result",
        "session_id": str(session.pk),
        "result": {**result, "settings_applied": settings.model_dump(), "source": source},
    }
