"""A generation in a worker: from its prompt to a session with a run, and what its stream tells."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from core.jobs.leases import Lease, fenced
from core.jobs.renewals import renewed
from core.worker.executor import advance
from core.worker.slices import work_guarded
from inference import runtime
from inference.catalog import card_parameters, card_recipe
from inference.engine.canvas import Canvas
from inference.engine.chat import Message, chat_ids
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.recipes import recipe_named
from inference.engine.pieces import storable
from inference.engine.tokenization import checked_ids, checked_prompt
from inference.errors import UnmaskError
from inference.figures import QUEUE_SECONDS
from inference.limits import LIMITS
from inference.models import ModelEntry
from inference.runtime.error_mapping import engine_errors
from inference.runtime.provenance import provenance_of
from visualizer.models import Generation, Run, Session
from visualizer.selectors import StateRef, head_of, state_at
from visualizer.selectors.drafts import draft_from, first_draft
from visualizer.selectors.history import tip
from visualizer.services import generations
from visualizer.services.run_settings import DRAWING
from visualizer.services.runs import request_stop, start_run
from visualizer.services.sessions import create_session, title_from
from visualizer.worker.gaps import ids_with_gaps
from visualizer.worker.lengths import gen_length_within, masks_of_prompt
from visualizer.worker.resume import RunProgress
from visualizer.worker.run_parameters import prepared
from visualizer.worker.session_model import model_of
from visualizer.worker.settled_text import (
    gap_texts,
    settled_ids,
    settled_text,
    tokens_written,
)

Status = Generation.Status


def work(
    generation_id: UUID | str, go_on: Callable[[UUID], None] = generations.have_worked
) -> None:
    """Turn a generation into a session with a run, unless another worker is at it.

    `go_on`: has the session's run worked; whoever waits for the first step need not wait for
    another task.
    """
    advance(Generation, generation_id, work_slice)
    rows = Generation.objects.filter(pk=generation_id, session__isnull=False)
    for session in rows.values_list("session", flat=True):
        go_on(session)


def work_slice(lease: Lease) -> None:
    """One slice is enough: afterwards the session's own slices drive the run."""
    row = Generation.objects.select_related("model", "owner").get(pk=lease.row)
    if row.status not in Generation.ACTIVE or row.session_id is not None:
        return
    work_guarded(
        "generation",
        begin=lambda: _begin(lease, row),
        work=lambda: _work(lease, row),
        fail=lambda shape: _fail(lease, row, shape),
    )


def _begin(lease: Lease, row: Generation) -> int:
    with fenced(lease):
        return row.count_attempt()


def _work(lease: Lease, row: Generation) -> None:
    QUEUE_SECONDS.labels("generation").observe((timezone.now() - row.created).total_seconds())
    if row.is_cancelled:
        row.finish_reason = "cancelled"
        with fenced(lease):
            generations.GENERATOR.end(row=row, status=Status.CANCELLED)
        return
    with renewed(lease), engine_errors():
        model = runtime.load(row.model)
        ids, length = prompt_ids(model, row)
    with fenced(lease):
        _start(row, model, ids, length)


def _fail(lease: Lease, row: Generation, shape: dict[str, Any]) -> None:
    # read again: a session that was being made when it failed was not kept
    row.refresh_from_db(fields=["session", "run"])
    with fenced(lease):
        generations.GENERATOR.end(row=row, status=Status.FAILED, error=shape)


def prompt_ids(model: LoadedModel, row: Generation) -> tuple[list[int], int]:
    """Ids of the prompt, masks in its gaps among them, and how many masks follow it."""
    if model.tokenizer is None or (model.spec.mask_id is None and model.spec.noise != "uniform"):
        raise UnmaskError("validation", "This model cannot generate text.", "model")
    prompt, wanted = row.prompt, row.settings["max_new_tokens"]
    if prompt["pieces"]:
        return ids_with_gaps(model, prompt["pieces"], prompt["gaps"], prompt["longest_gap"]), 0
    if prompt.get("ids"):
        ids = _written(model, prompt["ids"])
    elif prompt["messages"]:
        ids = chat_ids(model, [Message(**turn) for turn in prompt["messages"]])
    else:
        rows, special = model.spec.vocab_size, prompt["special_tokens"]
        ids = checked_prompt(model.tokenizer, prompt["text"], special, rows)
    own = ids.count(model.spec.open_id) if prompt.get("special_tokens") else 0
    if wanted is None and own:
        return ids, masks_of_prompt(len(ids), own, model.context, None)[0]
    return ids, gen_length_within(wanted, len(ids), model.context, "max_new_tokens")


def _written(model: LoadedModel, ids: Sequence[int]) -> list[int]:
    """Raises InputError for ids that are none, UnmaskError for places that are open."""
    found = checked_ids(list(ids), model.spec.vocab_size)
    if model.spec.open_id in found:
        words = f"The prompt holds the mask ({model.spec.open_id}). Gaps are filled by infilling."
        raise UnmaskError("validation", words, "prompt")
    return found


@transaction.atomic
def _start(row: Generation, model: LoadedModel, ids: list[int], length: int) -> None:
    """Session, run and first draft, in one transaction.

    Whoever asked for an end while the model was being loaded has the run end at once; whoever asks
    from now on finds the session.
    """
    usual = row.model.card.get("decoding", {})
    places = length or ids.count(model.spec.open_id)
    block = min(row.settings["block_length"] or usual.get("block_length") or places, places)
    text = _shown_prompt(row, model)
    session = create_session(
        owner=row.owner,
        model=ModelEntry.every.select_related("vocabulary").get(pk=row.model_id),
        mask_id=model.spec.open_id,
        prompt=text[: int(LIMITS["prompt"].high)],
        prompt_ids=ids,
        gen_length=length,
        block_length=block,
        seed=row.settings["seed"],
        title=title_from(text),
        provenance=provenance_of(model),
    )
    row.session = session
    canvas = state_at(session)
    row.run = start_run(session=session, ref=head_of(session), **_run_settings(row, canvas))
    row.save(update_fields=["session", "run", "updated"])
    generations.publish_draft(row=row, payload=first_draft(session, canvas))
    if row.is_cancelled:
        request_stop(session=session)


def _shown_prompt(row: Generation, model: LoadedModel) -> str:
    """The prompt as the session shows it: a conversation's turns, pieces with a mark between."""
    prompt = row.prompt
    if prompt.get("ids") and not prompt["text"] and model.tokenizer is not None:
        return storable(model.tokenizer.decode(prompt["ids"]))
    if prompt["pieces"]:
        return " … ".join(prompt["pieces"])
    turns = [f"{turn['role']}: {turn['content']}" for turn in prompt["messages"]]
    return "\n".join(turns) or str(prompt["text"])


def _run_settings(row: Generation, canvas: Canvas) -> dict[str, Any]:
    """Recipe and parameters: what was asked for, else what the model's card says."""
    asked, usual = row.settings, row.model.card.get("decoding", {})
    recipe = asked["recipe"] or card_recipe(row.model.card)
    with engine_errors():
        uses = recipe_named(recipe).uses
    parameters = card_parameters(row.model.card, recipe)
    parameters |= {name: asked[name] for name in DRAWING if asked[name] is not None}
    # an end of text ends its own gap only, and nothing follows the last piece
    ending = {"fill_last_block": False} if row.prompt["pieces"] else {"stop_at_end": True}
    parameters |= {name: value for name, value in ending.items() if name in uses}
    parameters |= asked["parameters"]
    if asked["block_length"] is not None and "block_length" in uses:
        parameters["block_length"] = asked["block_length"]
    parameters |= _most_places(row, uses) | _steps(asked.get("steps"), uses, canvas)
    pace = asked["tokens_per_step"] or usual.get("tokens_per_step")
    per_step = pace if {"steps", "tokens_per_step"} & set(uses) else asked["tokens_per_step"]
    if "steps" in parameters or "tokens_per_step" in parameters:
        per_step = None
    made = prepared(_session_of(row), canvas, recipe, parameters, per_step)
    return {"recipe": recipe, "parameters": made}


def _steps(wanted: int | None, uses: Sequence[str], canvas: Canvas) -> dict[str, int]:
    """So many forward passes, for recipes that count steps or the tokens of each."""
    if wanted is None:
        return {}
    if "steps" in uses or "tokens_per_step" not in uses:
        return {"steps": wanted}  # a recipe with a pace of its own refuses it by name
    return {"tokens_per_step": max(1, math.ceil(len(canvas.open_positions) / wanted))}


def _most_places(row: Generation, uses: Sequence[str]) -> dict[str, int]:
    """Gaps whose length is found may grow to the longest one that was asked for."""
    found = row.prompt["gaps"].count(0)
    if not found or "max_new_tokens" not in uses:
        return {}
    return {"max_new_tokens": row.prompt["longest_gap"] * len(row.prompt["gaps"])}


def _session_of(row: Generation) -> Session:
    assert row.session is not None
    return row.session


def tell_step(work: RunProgress, told: dict[str, Any], after: Canvas) -> None:
    """Inside the step's transaction: the text that has settled since, and what the step did.

    In this order: whoever makes one frame of a step knows that it is complete with its draft.
    `told`: the payload of the step's event.
    """
    row = work.generation
    if row is None:
        return
    model = model_of(work.session)
    found = settled_text(model, after, revises=_revises(work.run), **_ends(row))
    generations.publish_text(row=row, text=found.text)
    generations.publish_draft(row=row, payload=draft_from(told))
    if found.ended and row.settings["stop"]:
        Run.objects.filter(pk=work.run.pk).update(stop_requested=True)


def finish(run: Run, error: dict[str, Any] | None = None) -> None:
    """Inside the transaction that ends a run: the rest of the text, then `done` or `error`."""
    row = Generation.objects.filter(run=run).select_related("model", "session").first()
    if row is None or row.status not in Generation.ACTIVE:
        return
    if error is not None:
        generations.GENERATOR.end(row=row, status=Status.FAILED, error=error)
        return
    session = Session.objects.select_related("model__vocabulary").get(pk=run.session_id)
    canvas = state_at(session, StateRef(run.branch_id, tip(run.branch)))
    model = runtime.load(session.model)
    found = settled_text(model, canvas, revises=_revises(run), final=True, **_ends(row))
    generations.publish_text(row=row, text=found.text)
    _sum_up(row, model, session, canvas, found.ended)
    status = Status.CANCELLED if row.finish_reason == "cancelled" else Status.DONE
    ids = [] if any(_ends(row).values()) else settled_ids(model, canvas)
    generations.GENERATOR.end(row=row, status=status, ids=ids)


def _sum_up(
    row: Generation, model: LoadedModel, session: Session, canvas: Canvas, ended: bool
) -> None:
    assert row.run is not None
    row.usage = {
        **generations.run_usage(session, row.run, tokens_written(canvas)),
        **(_filled(model, canvas, row) if row.prompt["pieces"] else {}),
    }
    left = any(not canvas.slots[position].surplus for position in canvas.open_positions)
    row.finish_reason = "stop" if ended else "cancelled" if left else "length"


def _filled(model: LoadedModel, canvas: Canvas, row: Generation) -> dict[str, Any]:
    """The text of each gap, and the whole with its pieces."""
    pieces = row.prompt["pieces"]
    gaps = gap_texts(model, canvas, **_ends(row))
    return {"gaps": gaps, "full_text": pieces[0] + row.text + pieces[-1]}


def _ends(row: Generation) -> dict[str, Any]:
    """What the text ends before, and between which pieces it stands."""
    return {"stop": row.settings["stop"], "pieces": row.prompt["pieces"]}


def _revises(run: Run) -> bool:
    """Whether what the run's recipe wrote may still change before its end."""
    return recipe_named(run.recipe).revise is not None
