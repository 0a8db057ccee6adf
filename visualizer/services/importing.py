"""Making a session from a JSON record: everything is checked before anything is written.

The new session belongs to whoever imports it. Ids and times are its own; the rest of its record
is that of the imported one. A record holds summaries of forward passes, not distributions:
candidates of an imported step are there again after another forward pass.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, NoReturn

from django.db import transaction
from django.utils import timezone
from pydantic import ValidationError

from inference.engine.canvas import Canvas, CanvasError, fold
from inference.errors import UnmaskError
from inference.events import publish
from inference.models import ModelEntry
from visualizer import records
from visualizer.models import Branch, Digest, Run, Session, Step
from visualizer.records import Record
from visualizer.selectors import events
from visualizer.selectors.history import Place
from visualizer.services.heads import set_head
from visualizer.services.sessions import create_session

Raw = dict[str, Any]
BATCH = 500


def import_record(*, owner: Any, raw: Raw) -> Session:
    """A new session of the owner's from a record. Raises UnmaskError naming what is wrong in it."""
    record = checked(raw)
    entry = model_of(record)
    check_tree(record)
    check_states(record, raw)
    return _write(owner, entry, raw)


def checked(raw: Raw) -> Record:
    """The record with its types. Raises UnmaskError naming the first field that is wrong."""
    if raw.get("format") != records.FORMAT or raw.get("version") != records.VERSION:
        raise UnmaskError(
            "validation", f"This is not a record of version {records.VERSION} of Unmask.", "version"
        )
    try:
        return Record.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"]))[:80]
        raise UnmaskError("validation", f"The record is damaged at {field}.", field) from None


def model_of(record: Record) -> ModelEntry:
    """The record's model here. Raises UnmaskError if it is unknown or has other tokens."""
    entry = ModelEntry.objects.select_related("vocabulary").filter(slug=record.model.slug).first()
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
    _check_ids(record, entry.vocabulary.size if entry.vocabulary else None)
    return entry


def _same_tokens(record: Record, entry: ModelEntry) -> bool:
    if entry.mask_id is not None and entry.mask_id != record.session.mask_id:
        return False
    if entry.vocabulary is None or record.model.tokenizer_hash is None:
        return True
    named = f"{record.model.tokenizer_hash}:{entry.vocabulary.size}"
    return hashlib.sha256(named.encode()).hexdigest() == entry.vocabulary.hash


def _check_ids(record: Record, size: int | None) -> None:
    highest = max([record.session.mask_id, *record.session.prompt_ids, *_written(record)])
    if size is not None and highest >= size:
        raise UnmaskError("validation", f"The model has no token {highest}.", "session.prompt_ids")


def _written(record: Record) -> Iterator[int]:
    for branch in record.branches:
        for step in branch.steps:
            yield from (op.token for op in step.operations if op.token is not None)


def check_tree(record: Record) -> None:
    """Parents come first, so there are no cycles; numbers have no gaps; the head is somewhere."""
    known: dict[int, records.Branch] = {}
    runs: dict[int, int] = {}
    for index, branch in enumerate(record.branches):
        where = f"branches.{index}"
        _check_fork(branch, known, where)
        _check_numbers(branch, where)
        for step in branch.steps:
            if (step.by == "run") != (step.run is not None):
                _damaged(f"{where}.steps", "a run is named by its steps alone")
            if step.run and runs.setdefault(step.run.id, branch.id) != branch.id:
                _damaged(f"{where}.steps", "a run lies on one branch")
        known[branch.id] = branch
    head = known.get(record.session.head.branch)
    if head is None or record.session.head.number > head.tip:
        _damaged("session.head", "it leads nowhere")


def _check_fork(branch: records.Branch, known: dict[int, records.Branch], where: str) -> None:
    if branch.id in known:
        _damaged(f"{where}.id", "it is there twice")
    if (branch.parent is None) != (not known):
        _damaged(f"{where}.parent", "one branch, the first, has no parent")
    if branch.parent is None:
        if branch.fork_number or branch.pruned:
            _damaged(f"{where}.fork_number", "the first branch begins at 0 and is not pruned")
        return
    parent = known.get(branch.parent)
    if parent is None:
        _damaged(f"{where}.parent", "parents stand before their children")
    if not _first(parent) <= branch.fork_number <= parent.tip:
        _damaged(f"{where}.fork_number", "it is no step of the parent")


def _first(branch: records.Branch) -> int:
    """The first number whose state is the branch's own; the start is the first branch's."""
    return 0 if branch.parent is None else branch.fork_number + 1


def _check_numbers(branch: records.Branch, where: str) -> None:
    numbers = [step.number for step in branch.steps]
    if numbers != list(range(branch.fork_number + 1, branch.fork_number + 1 + len(numbers))):
        _damaged(f"{where}.steps", "the numbers have gaps")
    kept = [forward.number for forward in branch.forwards]
    inside = all(_first(branch) <= number <= branch.tip for number in kept)
    if not inside or len(set(kept)) < len(kept):
        _damaged(f"{where}.forwards", "each belongs to one step of the branch")


def check_states(record: Record, raw: Raw) -> None:
    """Every operation fits the state that it changes."""
    forks = {(branch.parent, branch.fork_number) for branch in record.branches}
    start = record.session
    origin = Canvas.start(start.prompt_ids, start.gen_length, start.mask_id)
    states: dict[tuple[int | None, int], Canvas] = {}
    for index, branch in enumerate(record.branches):
        canvas = states.get((branch.parent, branch.fork_number), origin)
        states[branch.id, branch.fork_number] = canvas
        waiting = []
        for step, text in zip(branch.steps, raw["branches"][index]["steps"], strict=True):
            waiting.append(text["operations"])
            if (branch.id, step.number) in forks or step is branch.steps[-1]:
                canvas, waiting = _folded(canvas, waiting, index), []
                states[branch.id, step.number] = canvas


def _folded(canvas: Canvas, steps: list[Any], index: int) -> Canvas:
    try:
        return fold(canvas, steps)
    except CanvasError as error:
        _damaged(f"branches.{index}.steps", str(error))


def _damaged(field: str, why: str) -> NoReturn:
    raise UnmaskError("validation", f"The record is damaged at {field}: {why}.", field)


@transaction.atomic
def _write(owner: Any, entry: ModelEntry, raw: Raw) -> Session:
    told, model = raw["session"], raw["model"]
    provenance = {key: value for key, value in model.items() if key not in ("slug", "label")}
    names = ("mask_id", "prompt", "prompt_ids", "gen_length", "block_length", "seed", "title")
    own = {name: told[name] for name in names}
    session = create_session(owner=owner, model=entry, provenance=provenance, **own)
    session.settings = told["settings"]
    session.save(update_fields=["settings"])
    publish(session.stream_id, "session", events.session_payload(session))
    ids: dict[int, int] = {}
    for branch in raw["branches"]:
        ids[branch["id"]] = _branch(session, branch, ids).pk
    head = told["head"]
    set_head(session=session, place=Place(ids[head["branch"]], head["number"]))
    return session


def _branch(session: Session, raw: Raw, ids: dict[int, int]) -> Branch:
    root = session.head_branch if raw["parent"] is None else None
    branch = root or Branch(session=session, parent_id=ids[raw["parent"]])
    branch.name, branch.marked = raw["name"], raw["marked"]
    branch.fork_number = raw["fork_number"]
    branch.pruned = timezone.now() if raw["pruned"] else None
    branch.save()
    _steps(branch, raw["steps"])
    _forwards(branch, raw["forwards"])
    publish(session.stream_id, "branch", events.branch_payload(branch))
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
            status=Run.Status.DONE,
            first_step=step["number"],
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
