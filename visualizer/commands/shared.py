"""Commands of readers: whoever holds a link may ask what changes nothing."""

from __future__ import annotations

from typing import Any

from core.commands.submit import read
from visualizer.commands.table import COMMANDS
from visualizer.selectors.readers import Holder, session_read_by


def read_shared(*, holder: Holder, message: dict[str, Any]) -> dict[str, Any]:
    """Answer a reader of a shared session. Raises UnmaskError, not_found for other sessions."""

    def find(typed: Any) -> Any:
        return session_read_by(holder, getattr(typed, "session_id", None))

    return read(COMMANDS, reader=holder, message=message, find=find)
