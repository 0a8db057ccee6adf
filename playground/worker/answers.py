"""A queued answer in a worker: from the line above it to a generation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.generation import Prompt, Settings
from core.jobs.leases import Lease, fenced
from core.jobs.renewals import renewed
from core.worker.executor import advance
from core.worker.slices import work_guarded
from inference import runtime
from inference.engine.chat import Message as ChatTurn
from inference.errors import UnmaskError, correlation_id
from inference.models import ModelEntry
from inference.remote_backends import backend_of
from inference.runtime.error_mapping import engine_errors
from playground.models import Message
from playground.selectors.line import above
from playground.services import answers
from playground.worker.prompts import (
    FittedPrompt,
    begun_ids,
    begun_text,
    fitted_prompt,
    flat_text,
)

DRAWING = ("temperature", "top_p", "top_k", "seed")
SETTINGS = {
    ModelEntry.Kind.DIFFUSION: (*DRAWING, "recipe", "tokens_per_step", "block_length"),
    ModelEntry.Kind.AUTOREGRESSIVE: DRAWING,
}
"""A conversation's settings that a kind of model reads: it may change its model on the way."""


def work(message_id: str) -> None:
    """Begin an answer, unless another worker is at it."""
    advance(Message, message_id, work_slice)


def work_slice(lease: Lease) -> None:
    """One slice is enough: afterwards the generation's own work drives it."""
    rows = Message.objects.select_related("conversation__owner", "model")
    message = rows.get(pk=lease.row)
    if message.status != Message.Status.QUEUED:
        return
    token = correlation_id.set(message.correlation_id or correlation_id.get())
    try:
        work_guarded(
            "answer",
            begin=lambda: _begin(lease, message),
            work=lambda: _work(lease, message),
            fail=lambda shape: _fail(lease, message, shape),
        )
    finally:
        correlation_id.reset(token)


def _begin(lease: Lease, message: Message) -> int:
    with fenced(lease):
        message.attempts += 1
        message.save(update_fields=["attempts", "updated"])
    return message.attempts


def _work(lease: Lease, message: Message) -> None:
    if message.model is None:
        raise answers.no_model()
    wanted = message.conversation.settings | message.settings
    turns = [ChatTurn(row.role, row.text) for row in above(message)]
    if message.model.kind == ModelEntry.Kind.REMOTE:
        _ask_elsewhere(lease, message, turns, wanted)
        return
    with renewed(lease), engine_errors():
        model = runtime.load(message.model)
        system = message.conversation.system_prompt
        begun = begun_ids(model, message.token_ids, message.prefix)
        prefix = begun_text(model, message.token_ids, message.prefix)
        fitted = fitted_prompt(model, turns, system, begun, wanted.get("max_new_tokens"))
    shown = flat_text(turns[fitted.left_out :], "") + prefix
    ended = bool(begun) and begun[-1] in model.spec.end_ids
    with fenced(lease):
        if not _is_queued(message):
            return
        if ended:
            answers.end_at_prefix(message=message, prefix=prefix)
        else:
            _start(message, fitted, shown, prefix, wanted)


def _ask_elsewhere(
    lease: Lease, message: Message, turns: list[ChatTurn], wanted: dict[str, Any]
) -> None:
    """The turns as they are: their tokens, and what fits, are the other server's business."""
    assert message.model is not None
    if message.prefix or message.token_ids:
        raise UnmaskError(
            "validation",
            f"{message.model.label} answers on another server, which cannot continue an answer. "
            "Ask for another one.",
            "model",
        )
    system = message.conversation.system_prompt
    first = [{"role": "system", "content": system}] if system else []
    told = [{"role": turn.role, "content": turn.content} for turn in turns]
    names = [name for name in DRAWING if name in backend_of(message.model).about.settings]
    settings = _chosen(wanted, names)
    with fenced(lease):
        if _is_queued(message):
            answers.begin(
                message=message,
                prompt=Prompt(messages=(*first, *told)),
                prefix="",
                settings=Settings(max_new_tokens=wanted.get("max_new_tokens"), **settings),
                left_out=0,
                flattened=False,
            )


def _chosen(wanted: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: wanted[name] for name in names if wanted.get(name) is not None}


def _is_queued(message: Message) -> bool:
    """Inside the fenced transaction: whether it was not stopped meanwhile."""
    return Message.objects.get(pk=message.pk).status == Message.Status.QUEUED


def _start(
    message: Message, fitted: FittedPrompt, shown: str, prefix: str, wanted: dict[str, Any]
) -> None:
    assert message.model is not None
    chosen = _chosen(wanted, SETTINGS[ModelEntry.Kind(message.model.kind)])
    answers.begin(
        message=message,
        prompt=Prompt(text=shown, ids=tuple(fitted.ids), written=fitted.written),
        prefix=prefix,
        settings=Settings(max_new_tokens=fitted.room, **chosen),
        left_out=fitted.left_out,
        flattened=fitted.flattened,
    )


def _fail(lease: Lease, message: Message, shape: dict[str, Any]) -> None:
    with fenced(lease):
        if _is_queued(message):
            answers.fail(message=message, shape=shape)
