"""A completion in a worker: tokens in slices, each stored before anybody is told of it."""

from __future__ import annotations

import math
import time
from collections.abc import Generator
from contextlib import suppress
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from core.jobs.leases import Lease, fenced
from core.jobs.renewals import renewed
from core.worker.executor import advance
from core.worker.slices import SliceTime, work_guarded
from inference import runtime
from inference.catalog.recipe import GRAMMAR
from inference.engine.causal.results import TokenResult
from inference.engine.causal.sampling import Sampling
from inference.engine.chat import Message, chat_ids
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.grammar import grammar_in
from inference.engine.decoding.params import checked
from inference.engine.pieces import storable
from inference.engine.tokenization import checked_ids, checked_prompt
from inference.errors import UnmaskError
from inference.events import gathered
from inference.figures import QUEUE_SECONDS
from inference.limits import LIMITS
from inference.runtime import causal
from inference.runtime.error_mapping import engine_errors
from inference.runtime.steps_ahead import AHEAD, StepsAhead
from playground.models import Completion, CompletionToken
from playground.services import completions
from playground.services.completions import Written

Status = Completion.Status
BATCH_SECONDS = 0.04
"""Tokens that come within this time are stored, and told, together."""
LABEL = 200
TOP = 20
"""Alternatives that are kept with every token: as many as /v1 may be asked for."""


def work(completion_id: str) -> None:
    """Work a slice of a completion, unless another worker is at it."""
    advance(Completion, completion_id, work_slice)


def work_slice(lease: Lease) -> None:
    """Write tokens for some seconds; whoever holds the lease next goes on after the last one."""
    row = Completion.objects.select_related("model", "owner").get(pk=lease.row)
    if row.status not in Completion.ACTIVE:
        return
    work_guarded(
        "answer",
        begin=lambda: _begin(lease, row),
        work=lambda: _work(lease, row),
        fail=lambda shape: _end(lease, row, Status.FAILED, shape),
    )


def _begin(lease: Lease, row: Completion) -> int:
    with fenced(lease):
        return row.count_attempt()


def _work(lease: Lease, row: Completion) -> None:
    if row.is_cancelled:
        _cancel(lease, row)
        return
    if not row.prompt_ids:
        QUEUE_SECONDS.labels("completion").observe((timezone.now() - row.created).total_seconds())
    with renewed(lease), engine_errors():
        model = runtime.load(row.model)
        if not row.prompt_ids:
            _prepare(lease, row, model)
        tokens = _tokens(model, row)
        try:
            with StepsAhead(partial(next, tokens, None), model) as ahead:
                _write(lease, row, model, ahead, SliceTime())
        finally:
            with suppress(ValueError):  # a thread that was left behind closes it at its end
                tokens.close()


def _prepare(lease: Lease, row: Completion, model: LoadedModel) -> None:
    """Tokenize once: what is stored counts from then on."""
    ids = prompt_ids(model, row.prompt)
    room, wanted = model.context - len(ids), row.settings["max_new_tokens"]
    if room < 1 or (wanted is not None and wanted > room):
        raise UnmaskError(
            "validation",
            f"The prompt takes {len(ids)} tokens of the model's context of {model.context}; "
            + (f"at most {room} are left to ask for." if room >= 1 else "make it shorter."),
            "max_new_tokens" if room >= 1 else "prompt",
        )
    row.prompt_ids, row.most = ids, _usual(row.prompt, room) if wanted is None else wanted
    with fenced(lease):
        row.save(update_fields=["prompt_ids", "most", "updated"])


def _usual(prompt: dict[str, Any], room: int) -> int:
    """Tokens at most where nothing is asked for: turns have an end, a text may go on for ever."""
    turns = prompt["messages"] or (prompt["ids"] and prompt["text"])
    return room if turns else min(room, int(LIMITS["gen_length"].default or room))


def prompt_ids(model: LoadedModel, prompt: dict[str, Any]) -> list[int]:
    """Ids of a prompt; a text without any begins with the model's first token."""
    if model.tokenizer is None:
        raise UnmaskError("validation", "This model cannot read text.", "model")
    if prompt["ids"]:
        return checked_ids(list(prompt["ids"]), model.spec.vocab_size)
    if prompt["messages"]:
        return chat_ids(model, [Message(**turn) for turn in prompt["messages"]])
    rows, special = model.spec.vocab_size, prompt["special_tokens"]
    ids = checked_prompt(model.tokenizer, prompt["text"], special, rows)
    if not ids:
        raise UnmaskError("validation", "There is no text to go on from.", "prompt")
    return ids


def sampling_of(settings: dict[str, Any], usual: dict[str, Any]) -> Sampling:
    """What was asked for, else what the model's card says, else the most probable token."""
    names = ("temperature", "top_p", "top_k")
    chosen = {name: usual[name] for name in names if usual.get(name) is not None}
    chosen |= {name: settings[name] for name in names if settings.get(name) is not None}
    grammar = grammar_in(checked(settings.get("parameters") or {}, {}, GRAMMAR))
    stop = tuple(settings["stop"])
    return Sampling(**chosen, seed=settings["seed"], stop=stop, grammar=grammar)


def _tokens(model: LoadedModel, row: Completion) -> Generator[TokenResult]:
    stored = CompletionToken.objects.filter(completion=row).order_by("number")
    ids = [*row.prompt_ids, *stored.values_list("token", flat=True)]
    sampling = sampling_of(row.settings, row.model.card.get("decoding", {}))
    begun = row.prompt.get("written", 0)  # of the answer before this completion
    return causal.generate(model, ids, sampling, begun + row.most, TOP, begun + row.written)


def _write(
    lease: Lease,
    row: Completion,
    model: LoadedModel,
    ahead: StepsAhead[TokenResult],
    slice_time: SliceTime,
) -> None:
    """Store tokens in batches until the end, a wish to stop, or the slice's time.

    While some are being stored the engine computes the next ones already; only the first, for which
    somebody waits, is stored before anything else is begun.
    """
    stored, late = time.monotonic() if row.written else -math.inf, False
    waiting: list[Written] = []
    ahead.allow(1)
    while (one := ahead.take()) is not None:
        waiting.append(written(model, one))
        now = time.monotonic()
        if slice_time.is_over():
            late = True
            ahead.stop()  # what is ready is stored too
        if row.written:
            ahead.allow(AHEAD)
        if one.finish is None and not late and now - stored < BATCH_SECONDS:
            continue
        _store(lease, row, waiting, one.finish)
        waiting, stored = [], now
        if one.finish is not None:
            return
        if row.cancel_requested:
            _cancel(lease, row)
            return
        ahead.allow(AHEAD)
    if not late:
        _end(lease, row, Status.DONE, reason="length")


def written(model: LoadedModel, one: TokenResult) -> Written:
    """A token with the texts of its alternatives."""
    top = [(token, label_of(model, token), round(logprob, 6)) for token, logprob in one.top]
    label = label_of(model, one.token)
    return Written(one.token, label, one.text, round(one.logprob, 6), top)


def label_of(model: LoadedModel, token: int) -> str:
    """A token's own text; U+FFFD where its bytes are no whole character."""
    if model.tokenizer is None:
        return f"<{token}>"
    return storable(model.tokenizer.token_bytes(token).decode("utf-8", "replace"))[:LABEL]


def _store(lease: Lease, row: Completion, waiting: list[Written], finish: str | None) -> None:
    with transaction.atomic(), gathered():
        completions.write(lease=lease, row=row, tokens=waiting)
        if finish is not None:
            row.finish_reason = finish
            ids = completions.text_ids(row)
            completions.GENERATOR.end(row=row, status=Status.DONE, ids=ids)


def _cancel(lease: Lease, row: Completion) -> None:
    _end(lease, row, Status.CANCELLED, reason="cancelled")


def _end(
    lease: Lease,
    row: Completion,
    status: str,
    error: dict[str, Any] | None = None,
    reason: str = "",
) -> None:
    with fenced(lease):
        row.finish_reason = reason
        ids = completions.text_ids(row)
        completions.GENERATOR.end(row=row, status=status, error=error, ids=ids)
