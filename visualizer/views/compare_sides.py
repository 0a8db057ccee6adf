"""The sides of a comparison: which lines an address names, and which ones may be chosen."""

from __future__ import annotations

from dataclasses import dataclass

from inference.errors import UnmaskError
from visualizer.models import Branch, Session
from visualizer.selectors.comparison import Side, unlike
from visualizer.selectors.history import StateRef, head_of, tip
from visualizer.selectors.readers import Owner, branches_read_by
from visualizer.selectors.sessions import sessions_of
from visualizer.views.access import SessionAccess
from visualizer.views.params import number_of

NAMES = ("a", "b", "c", "d")
OTHERS = 40
"""So many other sessions, the ones used last, are offered for comparison."""


@dataclass(frozen=True, slots=True)
class Group:
    """A session's lines in the list of what may be chosen."""

    label: str
    title: str
    branches: list[Branch]


def asked_sides(access: SessionAccess, query: dict[str, str]) -> dict[str, Side]:
    """Name → side, from `branch:step` or `branch`; by default the shown line and the newest other.

    Steps are clipped to what there is. Raises not_found for branches that the reader may not see.
    """
    asked = {name: _side(access, query[name]) for name in NAMES if query.get(name)}
    if asked:
        return asked
    head = head_of(access.session).branch
    others = Branch.objects.filter(session=access.session, pruned=None).exclude(pk=head)
    rows = [Branch.objects.get(pk=head), *others.order_by("-pk")[:1]]
    return {
        name: Side(access.session, StateRef(row.pk, tip(row)))
        for name, row in zip(NAMES, rows, strict=False)
    }


def _side(access: SessionAccess, text: str) -> Side:
    first, _, second = text.partition(":")
    rows = branches_read_by(access.reader).select_related(
        "session__model__vocabulary", "session__head_branch"
    )
    branch = rows.filter(pk=number_of(first) or 0).first()
    if branch is None:
        raise UnmaskError("not_found", f"There is no branch {first[:20]} to compare.")
    last, number = tip(branch), number_of(second)
    return Side(branch.session, StateRef(branch.pk, last if number is None else min(number, last)))


def groups_of(access: SessionAccess) -> list[Group]:
    """This session's lines; then the owner's other sessions, those with the same start first."""
    found = [_group("This session", access.session)]
    if not isinstance(access.reader, Owner):
        return found
    rows = sessions_of(access.reader.user).exclude(pk=access.session.pk)
    others = list(rows.prefetch_related("branches")[:OTHERS])
    same = [row for row in others if not unlike(access.session, row)]
    rest = [row for row in others if row not in same]
    found += [_group("Same start", row) for row in same]
    return found + [_group("Other start", row) for row in rest]


def _group(label: str, session: Session) -> Group:
    branches = [row for row in session.branches.all() if row.pruned is None]
    return Group(label, session.title, branches)
