"""A record's version: a whole number, neither true nor 1.0, which Python finds equal to 1."""

from __future__ import annotations

from typing import Any

from pydantic import BeforeValidator


def _whole(value: Any) -> Any:
    if type(value) is not int:
        raise ValueError("must be a whole number")
    return value


Whole = BeforeValidator(_whole)
"""Put beside the versions that are known: `Annotated[Literal[1], Whole]`."""
