"""From pydantic's errors to the one that users are told: the field's place, and what it must be.

Of a field that takes several forms pydantic tells an error for each, and puts the form's name
(`str`, a tag, a class) into the place. What was given tells names of fields from those of forms.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from inference.errors import UnmaskError

Problem = Mapping[str, Any]
Place = tuple[str | int, ...]
_WORDS = {
    "missing": "is required",
    "extra_forbidden": "is not a field of this message",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "string_type": "must be a text",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "list_type": "must be a list",
    "greater_than": "must be more than {gt}",
    "less_than": "must be less than {lt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    "string_pattern_mismatch": "is not of the expected form",
    "literal_error": "must be {expected}",
    "union_tag_invalid": "must have a {discriminator} of {expected_tags}",
    "union_tag_not_found": "must have a {discriminator}",
}
_VERBS = ("must", "is", "has", "cannot")
_FIELD = re.compile(r"[\w.\-]{1,80}", re.ASCII)


def error_of(problems: Sequence[Problem], given: Any) -> UnmaskError:
    """What is wrong with the first wrong field of what was given, never its value."""
    told = _same_field(problems, given)
    field = ".".join(map(str, told[0][1]))
    shown = field if _FIELD.fullmatch(field) else None
    reason = " or ".join(dict.fromkeys(_reason(problem) for problem, _ in told))
    return UnmaskError("validation", _sentence(shown, reason), shown)


def _sentence(field: str | None, reason: str) -> str:
    """Reasons go on after the field's name, or are words of their own (of a part of a message)."""
    first = reason.partition(" ")[0]
    if not field or first == field.rpartition(".")[2]:
        return f"{reason}."
    return f"{field} {reason}." if first in _VERBS else f"{field}: {reason}."


def field_of(problems: Sequence[Problem], given: Any) -> str:
    """The place of the first wrong field, 80 characters at most."""
    return ".".join(map(str, _same_field(problems, given)[0][1]))[:80]


def _reason(problem: Problem) -> str:
    words = _WORDS.get(problem["type"])
    if problem["type"] == "too_long" and problem["ctx"]["max_length"] == 0:
        return "must be empty: what it asks for is not known here"
    if words is None:
        return str(problem["msg"]).removeprefix("Value error, ")
    return words.format(**problem.get("ctx", {}))


def _same_field(problems: Sequence[Problem], given: Any) -> list[tuple[Problem, Place]]:
    """The first problem with its place; of a field of several forms those of the forms that fit
    best: where the fault lies deepest.
    """
    place, shared = _place(problems[0], given)
    if shared is None:
        return [(problems[0], place)]
    forms = [one for one in problems if tuple(one["loc"][: len(shared)]) == shared]
    told = [(one, _place(one, given)[0]) for one in forms]
    deepest = max(len(found) for _, found in told)
    first = next(found for _, found in told if len(found) == deepest)
    return [(one, found) for one, found in told if found == first]


def _place(problem: Problem, given: Any) -> tuple[Place, Place | None]:
    """A problem's place without names of forms, and what stands before the first of these."""
    loc = tuple(part for part in problem["loc"] if part != "[key]")
    kept = _kept(loc, given, problem["type"] == "missing")
    forms = [number for number in range(len(loc)) if number not in kept]
    return tuple(loc[number] for number in kept), loc[: forms[0]] if forms else None


def _kept(loc: Place, given: Any, missing: bool, at: int = 0) -> tuple[int, ...]:
    """Which parts of a place name fields: as many as can be followed in what was given, the last
    one above all. A form may have the name of a field.
    """
    if at == len(loc):
        return ()
    part, last = loc[at], len(loc) - 1
    ways = []
    if _is_part(given, part) or (missing and at == last):
        ways.append((at, *_kept(loc, _part(given, part), missing, at + 1)))
    if isinstance(part, str):
        ways.append(_kept(loc, given, missing, at + 1))
    return max(ways, key=lambda way: (last in way, len(way)), default=())


def _is_part(given: Any, part: str | int) -> bool:
    if isinstance(given, Mapping):
        return str(part) in given  # keys of JSON are texts, where numbers are meant too
    return isinstance(part, int) and isinstance(given, list | tuple) and part < len(given)


def _part(given: Any, part: Any) -> Any:
    if not _is_part(given, part):
        return None
    return given[str(part) if isinstance(given, Mapping) else part]
