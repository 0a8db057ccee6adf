"""The tree of steps: paths through it, and states as folds of their operations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from django.db.models import Max, Q, QuerySet

from inference.engine.canvas import Canvas, fold
from inference.errors import UnmaskError
from visualizer.models import Branch, Digest, Session, Step


class StateRef(NamedTuple):
    """A state of a session: after step `number`, looking along `branch`."""

    branch: int
    number: int


@dataclass(frozen=True, slots=True)
class Segment:
    """The steps `first` to `last` of a path lie on this branch."""

    branch: int
    first: int
    last: int


def head_of(session: Session) -> StateRef:
    """What is being looked at."""
    if session.head_branch_id is None:
        raise UnmaskError("not_found", "This session has no branch.", "session_id")
    return StateRef(session.head_branch_id, session.head_number)


def branches_of(session: Session) -> dict[int, Branch]:
    """All branches of the session by id, the pruned ones too."""
    return {branch.pk: branch for branch in Branch.objects.filter(session=session)}


def home(branches: dict[int, Branch], ref: StateRef) -> StateRef:
    """The same state on the branch where its step lies: digests are kept there."""
    branch = branches[ref.branch]
    while branch.parent_id is not None and ref.number <= branch.fork_number:
        branch = branches[branch.parent_id]
    return StateRef(branch.pk, ref.number)


def home_of(session: Session, ref: StateRef) -> StateRef:
    """The branch on which the state's step lies; no query where the head's branch tells it."""
    branch = session.head_branch
    if branch is None or branch.pk != ref.branch:
        return home(branches_of(session), ref)
    if branch.parent_id is None or ref.number > branch.fork_number:
        return ref
    return home(branches_of(session), ref)


def path(branches: dict[int, Branch], ref: StateRef) -> list[Segment]:
    """The branches from the root to a state, each with the numbers that it holds."""
    branch, last, segments = branches[ref.branch], ref.number, []
    while True:
        first = branch.fork_number + 1 if branch.parent_id else 1
        if last >= first:
            segments.append(Segment(branch.pk, first, last))
        if branch.parent_id is None:
            return segments[::-1]
        last = min(last, branch.fork_number)
        branch = branches[branch.parent_id]


def _on(segments: list[Segment], start: int) -> Q:
    """Rows on the path; `start` 0 includes number 0, where only digests are."""
    query = Q(pk__in=[])
    for segment in segments:
        first = 0 if segment.first == 1 else segment.first
        query |= Q(branch=segment.branch, number__gte=max(first, start), number__lte=segment.last)
    return query


def steps_on(branches: dict[int, Branch], ref: StateRef) -> QuerySet[Step]:
    """The steps from the root to a state, oldest first."""
    return Step.objects.filter(_on(path(branches, ref), 1)).order_by("number")


def digests_on(branches: dict[int, Branch], ref: StateRef) -> QuerySet[Digest]:
    """The forward passes kept along a path, the start's included."""
    root = next(branch.pk for branch in branches.values() if branch.parent_id is None)
    start = Q(branch=root, number=0)
    return Digest.objects.filter(_on(path(branches, ref), 0) | start).order_by("number")


def start_of(session: Session) -> Canvas:
    """The state before the first step."""
    return Canvas.start(session.prompt_ids, session.gen_length, session.mask_id)


def state_at(
    session: Session,
    ref: StateRef | None = None,
    branches: dict[int, Branch] | None = None,
) -> Canvas:
    """The canvas of a state (the head by default): the fold of the operations from the root."""
    known = branches_of(session) if branches is None else branches
    steps = steps_on(known, ref or head_of(session))
    return fold(start_of(session), steps.values_list("operations", flat=True))


def tip(branch: Branch) -> int:
    """The number of the branch's newest step; where it forks, if it has none."""
    newest = Step.objects.filter(branch=branch).aggregate(newest=Max("number"))["newest"]
    return branch.fork_number if newest is None else int(newest)


def tips_of(session: Session) -> dict[int, int]:
    """The newest number of every branch, in one query."""
    rows = Branch.objects.filter(session=session).annotate(newest=Max("steps__number"))
    return {row.pk: row.fork_number if row.newest is None else row.newest for row in rows}


def end_of(session: Session, branch: int) -> StateRef:
    """The newest state of one of the session's branches."""
    return StateRef(branch, tips_of(session)[branch])


def check_ref(session: Session, ref: StateRef) -> None:
    """Raises UnmaskError if the branch does not reach that far."""
    last = tips_of(session)[ref.branch]
    if ref.number > last:
        raise UnmaskError(
            "validation", f"step must be at most {last}: this branch ends there.", "step"
        )


def lost_at(session: Session, ref: StateRef) -> bool:
    """Whether a forward pass was made over a state whose distribution is not kept any more."""
    where = home_of(session, ref)
    return Digest.objects.filter(branch=where.branch, number=where.number, data=b"").exists()


def has_passes(session: Session, ref: StateRef) -> bool:
    """Whether the distribution of any forward pass up to a state is kept."""
    return digests_on(branches_of(session), ref).exclude(data=b"").exists()


def digest_at(session: Session, ref: StateRef | None = None) -> Digest | None:
    """The forward pass over a state (the head's by default), if its distribution was kept."""
    found = home_of(session, ref or head_of(session))
    digest = Digest.objects.filter(branch=found.branch, number=found.number).first()
    return digest if digest is not None and digest.data else None
