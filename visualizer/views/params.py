"""Where a page looks: branch, step and position from an address, checked against the session."""

from __future__ import annotations

import re

from inference.errors import UnmaskError
from inference.limits import LIMITS
from visualizer.models import Session
from visualizer.selectors.history import StateRef, head_of, tips_of


def number_of(text: str | None) -> int | None:
    """A natural number, or None for anything else."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 10 else None


def decimal_of(text: str | None) -> float | None:
    """A number from 0 on with at most six decimals, or None for anything else."""
    found = re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", text or "", re.ASCII)
    return float(found.group()) if found else None


def state_ref(session: Session, branch: str | None, step: str | None) -> StateRef:
    """The asked state; without a step the head, or the end of another branch.

    Steps are clipped to what there is. Raises UnmaskError (not_found) for other branches.
    """
    head, tips = head_of(session), tips_of(session)
    asked = number_of(branch)
    if branch and asked not in tips:
        raise UnmaskError("not_found", f"This session has no branch {branch[:20]}.", "branch")
    chosen = asked or head.branch
    last = max(tips[chosen], 0)
    default = head.number if chosen == head.branch else last
    number = number_of(step)
    return StateRef(chosen, min(default if number is None else number, last))


def position_of(text: str | None) -> int | None:
    """A position within the limits table, or None."""
    number = number_of(text)
    return number if number is not None and number <= LIMITS["position"].high else None
