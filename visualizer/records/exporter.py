"""Records of sessions for download: one versioned JSON document, the steps as CSV, the text.

Both are made piece by piece from rows that are read in chunks. A page puts the pieces together
before it answers: a failure halfway is an error then, and never half a file that looks whole.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from django.db.models import QuerySet

from visualizer.models import Branch, Digest, Note, Run, Session, Step
from visualizer.records.chain import Chain
from visualizer.records.rows import CHUNK, steps_of
from visualizer.records.schema import FORMAT, VERSION
from visualizer.records.tables import steps_csv
from visualizer.selectors.event_payloads import branch_payload
from visualizer.selectors.history import branches_of, head_of, state_at, tip
from visualizer.selectors.labels import labels_for


class Format(NamedTuple):
    """One kind of download."""

    content_type: str
    suffix: str
    write: Callable[[Session], Iterator[str]]


def record(session: Session) -> Iterator[str]:
    """The JSON record in pieces: everything that is needed to show or to make the session again."""
    head = _header(session)
    chain = Chain(head)
    yield json.dumps(head, ensure_ascii=False, allow_nan=False, indent=1)[:-2]
    yield ',\n "branches": [\n'
    for index, row in enumerate(branches_of(session).values()):
        branch = _branch(row)
        chain.add(branch)
        yield (",\n" if index else "") + _compact(branch)[:-1] + ', "steps": ['
        last = tip(row)  # a run may go on meanwhile: what it adds is left out as a whole
        steps = map(_step, _up_to(steps_of(row), last))
        yield from _listed({**step, "hash": chain.add(step)} for step in steps)
        yield '], "forwards": ['
        yield from _listed(_chained(chain, map(_forward, _up_to(_forwards(row), last))))
        yield "]}"
    yield f'\n ],\n "chain": "{chain.hash}"\n}}\n'


def _chained(chain: Chain, parts: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for part in parts:
        chain.add(part)
        yield part


def _header(session: Session) -> dict[str, Any]:
    head = head_of(session)
    text = labels_for(session).decode(state_at(session, head).tokens).text
    return {
        "format": FORMAT,
        "version": VERSION,
        "session": {
            "id": str(session.pk),
            "title": session.title,
            "created": session.created.isoformat(),
            "prompt": session.prompt,
            "prompt_ids": session.prompt_ids,
            "gen_length": session.gen_length,
            "block_length": session.block_length,
            "mask_id": session.mask_id,
            "seed": session.seed,
            "special_tokens": session.special_tokens,
            "chat": session.chat,
            "settings": session.settings,
            "head": {"branch": head.branch, "number": head.number},
            "text": text,
        },
        "model": {"slug": session.model.slug, "label": session.model.label, **session.provenance},
    }


def _branch(branch: Branch) -> dict[str, Any]:
    """`pruned_at` tells which branches were put away together; `notes` only if there are any."""
    when = branch.pruned.isoformat() if branch.pruned else None
    notes = list(Note.objects.filter(branch=branch).values("number", "text"))
    own = {"notes": notes} if notes else {}
    return {**branch_payload(branch), "pruned_at": when, **own}


def _step(step: Step) -> dict[str, Any]:
    run = step.run
    return {
        "number": step.number,
        "recipe": step.recipe,
        "by": "run" if run else "manual",
        "operations": step.operations,
        "settings": step.settings,
        "timings": step.timings,
        "run": _run(run) if run else None,
        "created": step.created.isoformat(),
    }


def _run(run: Run) -> dict[str, Any]:
    kept = ("parameters", "keep_settled", "first_step")
    own = {} if run.seed is None else {"seed": run.seed}
    return {"id": run.pk, **{name: getattr(run, name) for name in kept}, **own}


def _forward(row: Digest) -> dict[str, Any]:
    return {"number": row.number, "settings": row.settings, **row.summary}


def _forwards(branch: Branch) -> QuerySet[Digest]:
    return Digest.objects.filter(branch=branch).order_by("number").defer("data")


def _up_to(rows: QuerySet[Any], last: int) -> Iterator[Any]:
    return rows.filter(number__lte=last).iterator(chunk_size=CHUNK)


def _listed(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    for index, row in enumerate(rows):
        yield (",\n" if index else "\n") + _compact(row)


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def plain_text(session: Session) -> Iterator[str]:
    """The text of the head: prompt and canvas, special tokens and masks written out."""
    yield labels_for(session).decode(state_at(session, head_of(session)).tokens).text


FORMATS: dict[str, Format] = {
    "json": Format("application/json", "json", record),
    "csv": Format("text/csv; charset=utf-8", "csv", steps_csv),
    "txt": Format("text/plain; charset=utf-8", "txt", plain_text),
}
