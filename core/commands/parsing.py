"""Strict JSON parsing: text of a client in, a plain dictionary out, or one clear error."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from inference.errors import UnmaskError
from inference.limits import MESSAGE_BYTES, MESSAGE_DEPTH

_SURROGATE = re.compile("[\ud800-\udfff]")


def parse(text: str | None, most: int = MESSAGE_BYTES) -> dict[str, Any]:
    """A JSON object of at most `most` bytes. Refuses what JSON libraries commonly let through.

    Raises UnmaskError (validation) for anything but one object within the limits of size and depth,
    for NaN and infinities, for keys given twice, for lone surrogates and NUL characters.
    """
    message = _load(_checked_text(text, most))
    if not isinstance(message, dict):
        raise _invalid('A message is a JSON object such as {"type": "forward_pass"}.')
    _check_values(message)
    return message


def _checked_text(text: str | None, most: int) -> str:
    if not text:
        raise _invalid("Send text frames with one JSON object each; this frame holds none.")
    if len(text) > most or len(text.encode("utf-8", "replace")) > most:
        raise _invalid(f"The message is larger than {most // 2**20} MB. Send less at once.")
    return text


def _load(text: str) -> Any:
    try:
        return json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            object_pairs_hook=_without_repeats,
        )
    except RecursionError:
        raise _too_deep() from None
    except ValueError:
        raise _invalid("This is not valid JSON.") from None


def _refuse_constant(name: str) -> Any:
    raise _invalid(f"{name} is not a JSON number.")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise _invalid("A number is too large.")
    return value


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise _invalid("A key is given twice in the same object.")
    return result


def _check_values(message: dict[str, Any]) -> None:
    """Depth and characters, without recursion, so that no message can exhaust the stack."""
    pending: list[tuple[Any, int]] = [(message, 1)]
    while pending:
        container, depth = pending.pop()
        if depth > MESSAGE_DEPTH:
            raise _too_deep()
        pairs = isinstance(container, dict)
        for value in [*container.keys(), *container.values()] if pairs else container:
            if isinstance(value, str):
                _check_characters(value)
            elif isinstance(value, (dict, list)):
                pending.append((value, depth + 1))


def _check_characters(value: str) -> None:
    if "\x00" in value or (not value.isascii() and _SURROGATE.search(value)):
        raise _invalid("A text holds a NUL character or half of a surrogate pair.")


def _invalid(message: str) -> UnmaskError:
    return UnmaskError("validation", message)


def _too_deep() -> UnmaskError:
    return _invalid(f"The message is nested deeper than {MESSAGE_DEPTH} levels.")
