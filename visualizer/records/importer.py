"""Making a session from a JSON record: everything is checked before anything is written.

The new session belongs to whoever imports it. Ids and times are its own; the rest of its record
is that of the imported one. A record holds summaries of forward passes, not distributions:
candidates of an imported step are there again after another forward pass.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from inference.errors import UnmaskError
from inference.events import publish
from inference.labels import vocabulary_hash
from inference.models import ModelEntry
from visualizer.models import Branch, Digest, Note, Run, Session, Step
from visualizer.records.checks import Raw, check_states, check_tree, checked
from visualizer.records.exporter import record as record_of
from visualizer.records.schema import Record
from visualizer.records.sizes import check_sizes
from visualizer.selectors import event_payloads
from visualizer.selectors.history import StateRef
from visualizer.services.heads import set_head
from visualizer.services.sessions import create_session

BATCH = 500


def import_record(*, owner: Any, raw: Raw) -> Session:
    """A new session of the owner's from a record. Raises UnmaskError naming what is wrong in it."""
    record = checked(raw)
    entry = model_of(record, owner)
    check_tree(record)
    check_sizes(record, entry.context)
    check_states(record, raw)
    return _write(owner, entry, raw, record.session.settings)


def copy_session(*, session: Session, owner: Any) -> Session:
    """A session of the owner's with the same tree, as if its record had been imported."""
    return import_record(owner=owner, raw=json.loads("".join(record_of(session))))


def model_of(record: Record, user: Any = None) -> ModelEntry:
    """The record's model here. Raises UnmaskError if it is unknown or has other tokens."""
    rows = ModelEntry.visible_to(user).select_related("vocabulary")
    entry = rows.filter(slug=record.model.slug).first()
    if entry is None:
        raise UnmaskError(
            "model_unavailable",
            f"The record was made with {record.model.slug}, which this site does not know.",
            "model.slug",
        )
    if not _same_tokens(record, entry):
        raise UnmaskError(
            "validation", "The model of this name has other tokens here.", "model.tokenizer_hash"
        )
    if entry.vocabulary is not None:
        _check_ids(record, entry.vocabulary.size, has_mask=entry.mask_id is not None)
    return entry


def _same_tokens(record: Record, entry: ModelEntry) -> bool:
    if entry.mask_id is not None and entry.mask_id != record.session.mask_id:
        return False
    if entry.vocabulary is None or record.model.tokenizer_hash is None:
        return True
    size = entry.vocabulary.size
    return vocabulary_hash(record.model.tokenizer_hash, size) == entry.vocabulary.hash


def _check_ids(record: Record, size: int, has_mask: bool) -> None:
    """Without a mask an open place holds the first id that no token has."""
    open_id = record.session.mask_id
    free = not has_mask and open_id == size
    highest = max([-1 if free else open_id, *record.session.prompt_ids, *_written(record)])
    if highest >= size:
        raise UnmaskError("validation", f"The model has no token {highest}.", "session.prompt_ids")


def _written(record: Record) -> Iterator[int]:
    for branch in record.branches:
        for step in branch.steps:
            yield from (op.token for op in step.operations if op.token is not None)


@transaction.atomic
def _write(owner: Any, entry: ModelEntry, raw: Raw, settings: Raw) -> Session:
    told, model = raw["session"], raw["model"]
    provenance = {key: value for key, value in model.items() if key not in ("slug", "label")}
    names = ("mask_id", "prompt", "prompt_ids", "gen_length", "block_length", "seed", "title")
    own = {name: told[name] for name in names}
    own |= {name: told.get(name, False) for name in ("special_tokens", "chat")}
    session = create_session(owner=owner, model=entry, provenance=provenance, **own)
    session.settings = settings
    session.save(update_fields=["settings"])
    publish(session.stream_id, "session", event_payloads.session_payload(session))
    ids: dict[int, int] = {}
    pruned = _times(raw["branches"])
    for branch in raw["branches"]:
        ids[branch["id"]] = _branch(session, branch, ids, pruned).pk
    head = told["head"]
    set_head(session=session, ref=StateRef(ids[head["branch"]], head["number"]))
    return session


def _times(branches: list[Raw]) -> dict[str | None, datetime]:
    """What was put away at one time still has one time here, by which all of it is restored."""
    told = dict.fromkeys(branch.get("pruned_at") for branch in branches if branch["pruned"])
    now = timezone.now()
    return {text: now + timedelta(microseconds=n) for n, text in enumerate(told)}


def _branch(
    session: Session, raw: Raw, ids: dict[int, int], pruned: dict[str | None, datetime]
) -> Branch:
    root = session.head_branch if raw["parent"] is None else None
    branch = root or Branch(session=session, parent_id=ids[raw["parent"]])
    branch.name, branch.marked = raw["name"], raw["marked"]
    branch.fork_number = raw["fork_number"]
    branch.pruned = pruned[raw.get("pruned_at")] if raw["pruned"] else None
    branch.save()
    _steps(branch, raw["steps"])
    _forwards(branch, raw["forwards"])
    Note.objects.bulk_create(Note(branch=branch, **note) for note in raw.get("notes", ()))
    publish(session.stream_id, "branch", event_payloads.branch_payload(branch))
    return branch


def _steps(branch: Branch, raw: list[Raw]) -> None:
    runs: dict[int, Run] = {}
    rows = []
    for step in raw:
        run = _run(branch, step, runs) if step["run"] else None
        kept = ("number", "recipe", "operations", "settings", "timings")
        rows.append(Step(branch=branch, run=run, **{name: step[name] for name in kept}))
    Step.objects.bulk_create(rows, batch_size=BATCH)


def _run(branch: Branch, step: Raw, runs: dict[int, Run]) -> Run:
    told = step["run"]
    if told["id"] not in runs:
        runs[told["id"]] = Run.objects.create(
            session_id=branch.session_id,
            branch=branch,
            recipe=step["recipe"],
            parameters=told["parameters"],
            keep_settled=told.get("keep_settled", False),
            seed=told.get("seed"),
            status=Run.Status.DONE,
            first_step=told.get("first_step") or step["number"],
            finished=timezone.now(),
        )
    return runs[told["id"]]


def _forwards(branch: Branch, raw: list[Raw]) -> None:
    """Summaries alone: rows without data count as passes that are no longer kept."""
    rows = []
    for forward in raw:
        summary = {k: v for k, v in forward.items() if k not in ("number", "settings")}
        kept = {"number": forward["number"], "settings": forward["settings"]}
        rows.append(Digest(branch=branch, data=b"", summary=summary, **kept))
    Digest.objects.bulk_create(rows, batch_size=BATCH)
