"""Values from addresses and forms: numbers as typed, and the state at which a page looks.

An address that says nothing sensible means the usual; a form that does is refused by its field.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from inference.errors import UnmaskError
from inference.limits import LIMITS
from visualizer.models import Session
from visualizer.selectors.history import StateRef, head_of, tips_of

_WHOLE = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_DECIMAL = re.compile(
    r"-?([0-9]{1,20}\.?|[0-9]{0,20}\.[0-9]{1,20})([eE][+-]?[0-9]{1,2})?", re.ASCII
)


def number_of(text: str | None) -> int | None:
    """A natural number of an address, or None for anything else."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 19 else None


def whole(form: Mapping[str, Any], name: str) -> int | None:
    """A form's whole number, None for an empty field. Raises UnmaskError naming the field."""
    text = _typed(form, name)
    if text and not _WHOLE.fullmatch(text):
        raise UnmaskError("validation", f"{name} must be a whole number.", name)
    return int(text) if text else None


def decimal(form: Mapping[str, Any], name: str) -> float | None:
    """A form's number, None for an empty field. Raises UnmaskError naming the field."""
    text = _typed(form, name)
    if text and not _DECIMAL.fullmatch(text):
        raise UnmaskError("validation", f"{name} must be a number.", name)
    return float(text) if text else None


def _typed(form: Mapping[str, Any], name: str) -> str:
    return str(form.get(name) or "").strip()


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
