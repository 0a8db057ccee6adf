"""The OpenAPI documents, each of which takes a second or two to write and never changes."""

from __future__ import annotations

from functools import cache
from typing import Any

from ninja import NinjaAPI


@cache
def document(door: NinjaAPI) -> dict[str, Any]:
    """What a door's own document says; made once in a process, to be read only."""
    return dict(door.get_openapi_schema())
